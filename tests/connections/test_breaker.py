"""An output that takes nothing from anybody is left alone for a while, then probed; and outputs have a pace."""

from datetime import UTC, datetime, timedelta

from connections.breaker import PAUSE_MOST_S, PEOPLE_IN_A_ROW, Breaker
from connections.models import ItemState
from connections.pace import Pace
from connections.traffic import Traffic
from tests.post import Post
from tests.shop import Shop, batch, custom_event
from tests.sink import Reply, Sink

NOW = datetime(2026, 11, 23, 10, 0, tzinfo=UTC)
SECOND = timedelta(seconds=1)


def opened() -> Breaker:
    breaker = Breaker(draw=lambda: 1.0)
    assert [breaker.failed(mpid, NOW) for mpid in range(PEOPLE_IN_A_ROW)] == [False] * (PEOPLE_IN_A_ROW - 1) + [True]
    return breaker


def test_one_person_who_always_fails_pauses_nothing() -> None:
    breaker = Breaker(draw=lambda: 1.0)
    assert not any(breaker.failed(7, NOW) for _ in range(1000))
    assert breaker.may_send(NOW)


def test_a_success_between_begins_the_count_anew() -> None:
    breaker = Breaker(draw=lambda: 1.0)
    for mpid in range(10 * PEOPLE_IN_A_ROW):
        assert not breaker.failed(mpid, NOW)
        if mpid % (PEOPLE_IN_A_ROW - 1) == 0:
            breaker.answered()


def test_one_probe_at_a_time_after_each_pause() -> None:
    breaker = opened()
    assert not breaker.may_send(NOW)
    assert breaker.may_send(NOW + SECOND)
    breaker.sent()
    assert not breaker.may_send(NOW + SECOND)
    assert not breaker.failed(1, NOW + SECOND)
    assert not breaker.may_send(NOW + 2 * SECOND)
    assert breaker.may_send(NOW + 3 * SECOND)
    breaker.sent()
    breaker.answered()
    assert breaker.may_send(NOW + 3 * SECOND)
    assert not breaker.is_open


def test_what_was_on_the_way_before_makes_no_pause_longer() -> None:
    breaker = opened()
    until = breaker.paused_until
    assert not breaker.failed(99, NOW + SECOND)
    assert breaker.paused_until == until


def test_a_probe_that_made_no_request_leaves_room_for_another() -> None:
    breaker = opened()
    breaker.sent()
    breaker.not_sent()
    assert breaker.may_send(NOW + SECOND)


def test_a_partner_may_ask_for_a_longer_pause_within_reason() -> None:
    breaker = Breaker(draw=lambda: 1.0)
    for mpid in range(PEOPLE_IN_A_ROW):
        breaker.failed(mpid, NOW, after_s=1e9)
    assert breaker.paused_until == NOW + timedelta(seconds=PAUSE_MOST_S)


def test_a_pace_allows_a_little_at_once_and_then_so_many_a_second() -> None:
    pace, sent = Pace(), 0
    for millisecond in range(10_000):
        if pace.may_send(100.0, NOW + timedelta(milliseconds=millisecond)):
            pace.sent()
            sent += 1
    assert 1000 <= sent <= 1026
    assert 0 < pace.wait_s(100.0) <= 0.011


def test_a_slow_pace_and_none() -> None:
    pace = Pace()
    assert pace.may_send(0.1, NOW)
    pace.sent()
    assert not pace.may_send(0.1, NOW + 9 * SECOND)
    assert pace.may_send(0.1, NOW + 11 * SECOND)
    assert pace.may_send(None, NOW)
    assert pace.wait_s(None) == 0


def test_while_a_pause_lasts_the_pace_wakes_nobody() -> None:
    traffic = Traffic(opened(), Pace())
    assert not traffic.may_send(100, 50.0, NOW)
    assert traffic.wait_s(50.0, NOW) == 1.0
    assert traffic.wait_s(50.0, NOW + SECOND) == 0
    traffic.breaker.answered()
    assert traffic.may_send(100, 50.0, NOW + SECOND)
    for _ in range(13):
        traffic.pace.sent()
    assert 0 < traffic.wait_s(50.0, NOW + SECOND) <= 0.04


def test_a_dead_output_is_left_alone_and_heals_by_itself(shop: Shop, post: Post, sink: Sink) -> None:
    connection = post.connect(sink)
    sink.script = lambda _: Reply(503)
    people = 3 * PEOPLE_IN_A_ROW
    shop.process(*(batch(custom_event(), customer=f"u-{n}") for n in range(people)))

    post.deliver()

    assert PEOPLE_IN_A_ROW <= len(sink.requests) < 2 * PEOPLE_IN_A_ROW
    assert post.sums(connection) == {"waiting": people}
    tried = len(sink.requests)
    assert post.alerts() == {"warning": {"http_503": tried}, "informational": {"output_paused": 1}}
    sink.script = lambda _: Reply()
    for _ in range(4):
        post.deliver(after=timedelta(seconds=70))
    assert post.sums(connection) == {"delivered": people}
    assert post.left() == {"outbox_chunk": 0, "outbox_delivery": 0, "delivery_exception": 0}


def test_what_waited_three_days_behind_a_pause_is_parked_unsent(shop: Shop, post: Post, sink: Sink) -> None:
    connection = post.connect(sink)
    sink.script = lambda _: Reply(503)
    people = 3 * PEOPLE_IN_A_ROW
    shop.process(*(batch(custom_event(), customer=f"u-{n}") for n in range(people)))
    post.deliver()

    post.deliver(after=timedelta(hours=73))

    # What was tried for the first time now has its own three days, all else has had them.
    assert post.reasons(connection)["failed"]["parked"] >= PEOPLE_IN_A_ROW
    post.deliver(after=timedelta(hours=73))
    assert post.reasons(connection) == {"failed": {"parked": people}}
    assert {each.state for each in post.exceptions(ItemState.PARKED)} == {ItemState.PARKED}


def test_an_alert_counts_an_event_once_an_hour_and_code(shop: Shop, post: Post, sink: Sink) -> None:
    post.connect(sink, send="batch")
    sink.script = lambda _: Reply(429)
    shop.process(batch(custom_event(), custom_event(), customer="u-1"))

    post.deliver()
    for _ in range(3):
        post.deliver(after=timedelta(seconds=20))
    assert post.alerts() in ({"warning": {"http_429": 2}}, {"warning": {"http_429": 4}})  # The hour may end meanwhile.
    sink.script = lambda _: Reply(500)
    post.deliver(after=timedelta(hours=73))

    assert post.alerts()["warning"]["http_500"] == 2
    assert post.alerts()["fatal"] == {"retries_exhausted": 2}


def test_a_refusal_is_fatal_and_the_story_of_a_retry_has_an_end(shop: Shop, post: Post, sink: Sink) -> None:
    connection = post.connect(sink)
    replies = iter([Reply(200), Reply(500), Reply(200), Reply(400)])
    sink.script = lambda _: next(replies)
    shop.process(batch(custom_event("First"), customer="u-1"))
    post.deliver()
    shop.process(batch(custom_event("Second"), customer="u-2"))
    post.deliver()
    post.deliver(after=timedelta(seconds=5))
    shop.process(batch(custom_event("Third"), customer="u-3"))
    post.deliver()

    assert post.sums(connection) == {"delivered": 2, "failed": 1}
    assert post.alerts() == {"warning": {"http_500": 1}, "fatal": {"http_400": 1}}
    assert [each.error for each in post.attempts()] == ["http_500", "http_400"]
    retried = post.attempts()[0].event_id
    assert retried is not None
    assert retried in [each.event_id for each in post.successes()]
    assert {each.status for each in post.successes()} == {200}


def test_only_so_many_requests_a_second(shop: Shop, post: Post, sink: Sink) -> None:
    connection = post.connect(sink, requests_per_second_most=8)
    shop.process(*(batch(custom_event(), customer=f"u-{n}") for n in range(20)))

    post.deliver()
    first = len(sink.requests)
    post.deliver(after=SECOND)

    assert (first, len(sink.requests)) == (2, 4)  # A loop begins with what a quarter of a second allows.
    assert post.sums(connection)["waiting"] == 20 - len(sink.requests)
