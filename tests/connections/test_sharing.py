"""Outputs that are sick harm nobody else; processes share the work; one that dies leaves nothing undone."""

import threading
from collections import Counter
from datetime import timedelta
from typing import TypeVar

import pytest
from django.db import connection
from pytest_django.fixtures import Settings

from cdp_project.kernel import clock, failpoints
from cdp_project.kernel.addresses import allowances
from cdp_project.kernel.database import RETRYABLE
from cdp_project.kernel.exchange import Request
from cdp_project.kernel.http import Sender
from cdp_project.kernel.transfer import TimeLimits
from connections import courier, leases
from connections.deliver import Deliveries
from connections.models import DeliveryLane
from connections.sending import Sending
from tests.post import Post
from tests.product import eventually
from tests.shop import Shop, batch, custom_event
from tests.sink import Misbehaviour, Reply, Sink


def test_a_process_has_only_so_much_on_the_way(
    shop: Shop, post: Post, sink: Sink, second_sink: Sink, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[int] = []
    start = Sender.start

    def watched(self: Sender[Sending], token: Sending, request: Request) -> None:
        seen.append(self.in_flight)
        start(self, token, request)

    monkeypatch.setattr(Sender, "start", watched)
    monkeypatch.setattr(courier, "TRANSFERS_MOST", 2)
    made = [post.connect(each) for each in (sink, second_sink, sink, second_sink)]
    shop.process(*(batch(custom_event(), customer=f"u-{n}") for n in range(5)))

    post.deliver()

    assert [post.sums(each) for each in made] == [{"delivered": 5}] * 4
    assert max(seen) == 1


SICK = [Misbehaviour.HANG, Misbehaviour.DRIBBLE, Misbehaviour.RESET]


def quick_sender() -> Sender[Sending]:
    """Gives up after a second, so that tests need not wait longer."""
    return Sender(allowances(["127.0.0.1/32"]), limits=TimeLimits(connect_ms=500, total_ms=1000))


@pytest.mark.parametrize("how", SICK)
def test_a_sick_output_does_not_stop_another(
    shop: Shop, post: Post, sink: Sink, second_sink: Sink, how: Misbehaviour
) -> None:
    sick, healthy = post.connect(sink), post.connect(second_sink)
    sink.script = lambda _: how
    shop.process(*(batch(custom_event(), customer=f"u-{n}") for n in range(20)))

    with clock.frozen(clock.now()), post.deliveries(sender=quick_sender()) as loop:
        eventually(lambda: _turn(loop, len(second_sink.requests)), lambda arrived: arrived == 20, within_s=10)
        loop.drain()

    assert post.sums(healthy) == {"delivered": 20}
    assert post.reasons(sick) == {"waiting": {"retrying": 20}}


def test_an_answer_without_end_is_cut_off_and_its_status_counts(shop: Shop, post: Post, sink: Sink) -> None:
    made = post.connect(sink)
    sink.script = lambda _: Misbehaviour.ENDLESS
    shop.process(batch(custom_event(), customer="u-1"))

    post.deliver()

    assert post.sums(made) == {"delivered": 1}


T = TypeVar("T")


def _turn(loop: Deliveries, answer: T) -> T:
    if not loop.turn():
        loop.wait(0.05)
    return answer


def test_an_output_that_nobody_listens_for_is_retried(shop: Shop, post: Post, sink: Sink) -> None:
    made = post.connect(sink)
    shop.process(batch(custom_event(), customer="u-1"))
    sink.close()

    post.deliver()

    assert post.reasons(made) == {"waiting": {"retrying": 1}}
    (attempt,) = post.attempts()
    assert (attempt.status, attempt.error) == (None, "connect")


def test_a_private_address_is_refused_and_nothing_is_sent(
    shop: Shop, post: Post, sink: Sink, settings: Settings
) -> None:
    made = post.connect(sink)
    settings.CDP_DELIVERY_ALLOW = []
    shop.process(batch(custom_event(), customer="u-1"))

    post.deliver()

    assert sink.requests == []
    assert post.reasons(made) == {"waiting": {"retrying": 1}}
    assert [attempt.error for attempt in post.attempts()] == ["address_refused"]


def test_processes_share_the_work_without_doubling_it(shop: Shop, post: Post, sink: Sink) -> None:
    made = post.connect(sink)
    shop.process(*(batch(custom_event(), customer=f"u-{n}") for n in range(120)))
    first_taken: list[int] = []

    def work() -> None:
        with post.deliveries(processes=lambda: 2) as loop:
            loop.turn()
            first_taken.append(len(list(loop._lanes)))
            while len(sink.requests) < 120:
                if not loop.turn():
                    loop.wait(0.02)

    workers = [threading.Thread(target=work) for _ in range(2)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join(30)

    ids = Counter(request.headers["webhook-id"] for request in sink.requests)
    assert set(ids.values()) == {1}
    assert len(ids) == 120
    assert max(first_taken) <= 8  # of the 16 lanes, half each
    assert post.sums(made) == {"delivered": 120}


def test_the_lanes_of_a_process_that_died_are_taken_over(shop: Shop, post: Post, sink: Sink) -> None:
    post.connect(sink)
    shop.process(batch(custom_event(), customer="u-1"))
    now = clock.now()
    with clock.frozen(now):
        dead = Deliveries()
        dead._lanes.refresh(dead._database.get(), 1, now)  # leased, then nothing more
        post.deliver()
        assert sink.requests == []

    post.deliver(after=leases.LEASE + timedelta(seconds=1))
    assert len(sink.requests) == 1
    dead.close()


def test_a_process_that_lost_its_lane_records_nothing(shop: Shop, post: Post, sink: Sink) -> None:
    made = post.connect(sink)
    shop.process(batch(custom_event(), customer="u-1"))
    with post.deliveries() as slow:
        slow.turn()
        DeliveryLane.objects.update(lease_holder="00000000-0000-0000-0000-000000000001")
        eventually(lambda: _turn(slow, len(sink.requests)), lambda arrived: arrived == 1, within_s=5)
        eventually(lambda: _turn(slow, len(list(slow._lanes))), lambda lanes: lanes == 0, within_s=5)
    assert post.sums(made) == {"waiting": 1}

    DeliveryLane.objects.update(lease_holder=None, leased_until=None)
    post.deliver()

    assert [request.headers["webhook-id"] for request in sink.requests] == [sink.requests[0].headers["webhook-id"]] * 2
    assert post.sums(made) == {"delivered": 1}


@pytest.mark.parametrize(
    "place", ["delivery.before_send", "delivery.after_send", "delivery.before_record", "delivery.after_record"]
)
def test_a_crash_anywhere_loses_nothing_and_repeats_under_the_same_id(
    shop: Shop, post: Post, sink: Sink, place: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = post.connect(sink)
    shop.process(*(batch(custom_event(f"E{n}"), customer="u-1") for n in range(5)))
    monkeypatch.setattr(failpoints, "_failures", failpoints._parse(f"{place}=error"))
    with pytest.raises(failpoints.InjectedFailure):
        post.deliver_or_crash()
    monkeypatch.setattr(failpoints, "_failures", {})

    post.deliver(after=leases.LEASE + timedelta(seconds=1))

    ids = Counter(request.headers["webhook-id"] for request in sink.requests)
    assert len(ids) == 5
    assert max(ids.values()) <= 2
    assert list(dict.fromkeys(sink.names())) == [f"E{n}" for n in range(5)]
    assert post.sums(made) == {"delivered": 5}
    assert post.left() == {"outbox_chunk": 0, "outbox_delivery": 0, "delivery_exception": 0}


def test_held_items_go_out_even_if_the_process_dies_before_it_looks_for_them(
    shop: Shop, post: Post, sink: Sink, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = post.connect(sink)
    replies = iter([Reply(500)])
    sink.script = lambda _: next(replies, Reply())
    shop.process(batch(*(custom_event(f"E{n}") for n in range(4)), customer="u-1"))
    post.deliver()
    for _ in range(3):
        monkeypatch.setattr(failpoints, "_failures", failpoints._parse("delivery.after_record=error"))
        with pytest.raises(failpoints.InjectedFailure):
            post.deliver_or_crash(after=timedelta(minutes=1))
    monkeypatch.setattr(failpoints, "_failures", {})

    post.deliver(after=timedelta(minutes=10))

    assert sink.names() == ["E0", "E0", "E1", "E2", "E3"]
    assert post.sums(made) == {"delivered": 4}


def break_connections() -> None:
    """End the sessions of delivery loops, as a fail-over does."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
            "WHERE datname = current_database() AND application_name = 'tributary deliveries'"
        )


def test_a_lost_database_costs_a_repeat_at_most(shop: Shop, post: Post, sink: Sink) -> None:
    made = post.connect(sink)
    shop.process(*(batch(custom_event(f"E{n}"), customer="u-1") for n in range(3)))
    with post.deliveries() as loop:
        eventually(lambda: _turn(loop, len(sink.requests)), lambda arrived: arrived == 1, within_s=10)
        break_connections()
        with pytest.raises(RETRYABLE):
            eventually(lambda: _turn(loop, 0), lambda _: False, within_s=5)
        eventually(lambda: _turn(loop, post.sums(made)), lambda sums: sums == {"delivered": 3}, within_s=20)

    ids = Counter(request.headers["webhook-id"] for request in sink.requests)
    assert len(ids) == 3
    assert max(ids.values()) <= 2
    assert list(dict.fromkeys(sink.names())) == ["E0", "E1", "E2"]


def test_what_is_on_the_way_is_recorded_when_a_process_is_asked_to_stop(shop: Shop, post: Post, sink: Sink) -> None:
    made = post.connect(sink)
    shop.process(batch(custom_event(), customer="u-1"))

    with post.deliveries() as loop:
        loop.turn()

    assert len(sink.requests) == 1
    assert post.sums(made) == {"delivered": 1}
    assert list(DeliveryLane.objects.exclude(lease_holder=None)) == []


def test_the_sums_hold_while_it_goes_on(shop: Shop, post: Post, sink: Sink) -> None:
    made = post.connect(sink, send_screen_views=False)
    replies = [Reply(), Reply(500), Reply(), Reply(400)]
    sink.script = lambda _: replies[len(sink.requests) % 4]
    screen = {"event_type": "screen_view", "data": {"screen_name": "Home"}}
    for wave in range(1, 4):
        shop.process(*(batch(custom_event(), screen, customer=f"u-{n}") for n in range(10)))
        assert sum(post.sums(made).values()) == 20 * wave
        post.deliver(after=timedelta(seconds=3))
        assert sum(post.sums(made).values()) == 20 * wave
    sums = post.sums(made)
    assert sums["withheld"] == 30
    assert len(shop.events()) == 60
