"""Sessions begin, go on and end as events tell, in whatever order they come."""

import random
import threading
from contextlib import closing
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from cdp_project.kernel import clock
from cdp_project.kernel.database import connect
from events import idle_sessions, tasks
from events.intake.desk import desk
from events.models import Session
from events.processing.runner import Runner
from tests import factories
from tests.product import eventually
from tests.shop import Shop, batch, custom_event

NOON = datetime(2025, 5, 5, 12, tzinfo=UTC)
Row = dict[str, Any]


def at(minute: float) -> datetime:
    return NOON + timedelta(minutes=minute)


def event(minute: float, session: str = "s-1", **data: Any) -> Row:
    return custom_event(session_uuid=session, timestamp_unixtime_ms=clock.milliseconds(at(minute)), **data)


def end(minute: float, session: str = "s-1") -> Row:
    data = {"session_uuid": session, "timestamp_unixtime_ms": clock.milliseconds(at(minute)), "session_duration_ms": 1}
    return {"event_type": "session_end", "data": data}


def send(shop: Shop, minute: float, *events: Row, customer: str = "u-1") -> None:
    """Accept and process a batch at that minute."""
    with clock.frozen(at(minute)):
        shop.process(batch(*events, customer=customer))


def close_idle(minute: float) -> int:
    with connect(autocommit=True) as connection:
        return idle_sessions.close_idle(connection, at(minute))


def session() -> Session:
    return Session.objects.get()


def lengths(shop: Shop) -> tuple[int, int, int]:
    """Sessions begun and ended, and seconds of those that ended."""
    begun, ended, seconds = (
        shop.counts(metric).get("", 0) for metric in ("session", "session_ended", "session_seconds")
    )
    return begun, ended, seconds


def test_a_session_begins_and_goes_on(shop: Shop) -> None:
    send(shop, 10, event(1), event(5))
    send(shop, 11, event(7), event(3))

    found = session()
    assert (found.started_at, found.last_at, found.ended_at) == (at(1), at(7), None)
    assert (found.event_count, found.received_at, found.input_id) == (4, at(11), shop.source.pk)
    assert found.session_id == shop.events()[0]["session_id"]
    assert (found.bucket, found.mpid) == (shop.events()[0]["bucket"], shop.profile()["mpid"])
    assert lengths(shop) == (1, 0, 0)


def test_events_without_a_session_make_none(shop: Shop) -> None:
    shop.process(batch(custom_event(), customer="u-1"), batch(customer="u-1", user_attributes={"a": 1}))

    assert not Session.objects.exists()


def test_session_end_ends_it(shop: Shop) -> None:
    send(shop, 10, event(1), event(5), end(6))

    found = session()
    assert (found.last_at, found.ended_at, found.event_count) == (at(6), at(6), 3)
    assert found.ended_seq == shop.events()[0]["accept_seq"]
    assert lengths(shop) == (1, 1, 300)
    assert close_idle(1000) == 0


def test_what_comes_after_the_end_only_counts(shop: Shop) -> None:
    send(shop, 10, event(1), end(6))
    send(shop, 20, event(15), event(3))

    found = session()
    assert (found.started_at, found.last_at, found.ended_at, found.event_count) == (at(1), at(6), at(6), 4)
    assert lengths(shop) == (1, 1, 300)


def test_only_a_later_end_moves_the_end(shop: Shop) -> None:
    send(shop, 10, event(1), end(6))
    send(shop, 20, end(8))
    send(shop, 21, end(7), event(0))

    found = session()
    assert (found.started_at, found.last_at, found.ended_at, found.event_count) == (at(0), at(8), at(8), 5)
    assert lengths(shop) == (1, 1, 300)


@pytest.mark.parametrize("seed", range(6))
def test_the_order_and_the_parts_do_not_matter(shop: Shop, seed: int) -> None:
    events = [event(minute) for minute in (2, 5, 9, 14)] + [end(11), end(7)]
    draw = random.Random(seed)
    draw.shuffle(events)
    cut = draw.randrange(1, 6)
    send(shop, 20, *events[:cut])
    send(shop, 21, *events[cut:])

    found = session()
    assert (found.started_at, found.last_at, found.ended_at, found.event_count) == (at(2), at(11), at(11), 6)
    assert lengths(shop)[:2] == (1, 1)


def test_people_inputs_and_environments_have_sessions_of_their_own(shop: Shop) -> None:
    send(shop, 10, event(1), event(2, "s-2"))
    send(shop, 10, event(1), customer="u-2")
    with clock.frozen(at(10)):
        shop.process(batch(event(1), customer="u-1", environment="development"))

    assert sorted(Session.objects.values_list("environment", "event_count")) == [(1, 1), (1, 1), (1, 1), (2, 1)]
    assert lengths(shop) == (4, 0, 0)


def test_many_sessions_of_one_chunk(shop: Shop) -> None:
    with clock.frozen(at(10)):
        for number in range(40):
            shop.post(batch(event(1, f"s-{number % 10}"), end(2, f"s-{number % 10}"), customer=f"u-{number % 4}"))
        shop.drain()

    assert sum(Session.objects.values_list("event_count", flat=True)) == 80
    assert lengths(shop) == (20, 20, 20 * 60)


def test_repeats_and_dropped_events_do_not_count(shop: Shop) -> None:
    send(shop, 10, event(1, source_message_id="m-1"))
    send(shop, 11, event(1, source_message_id="m-1"), event(2))

    assert session().event_count == len(shop.events()) == 2


def test_history_makes_no_session(shop: Shop) -> None:
    with clock.frozen(at(73 * 60)):
        shop.post([batch(event(0), customer="u-1")], "v2/bulkevents/historical")
        shop.drain()

    assert len(shop.events()) == 1
    assert not Session.objects.exists()


def test_wild_clocks_make_no_long_sessions(shop: Shop) -> None:
    send(shop, 10, event(-60 * 24 * 365 * 40), event(60 * 24 * 365), end(5))

    found = session()
    assert (found.started_at, found.ended_at) == (at(10) - timedelta(hours=72), at(5))


class TestIdleSessions:
    def test_half_an_hour_without_an_event_ends_it_with_the_last(self, shop: Shop) -> None:
        send(shop, 10, event(1), event(5))
        assert close_idle(40.9) == 0
        assert session().ended_at is None
        assert close_idle(41.1) == 1
        assert close_idle(41.1) == 0

        found = session()
        assert (found.last_at, found.ended_at, found.ended_seq) == (at(5), at(5), 0)
        assert lengths(shop) == (1, 1, 240)
        assert {row["hour"] for row in shop.rows("rollup_partial") if row["metric"] == "session_ended"} == {at(0)}

    def test_one_that_goes_on_is_left_alone(self, shop: Shop) -> None:
        send(shop, 10, event(1))
        send(shop, 35, event(2))

        assert close_idle(60) == 0
        assert close_idle(67) == 1
        assert lengths(shop) == (1, 1, 60)

    def test_nobody_is_idle_whose_events_wait(self, shop: Shop) -> None:
        desk.start_anew()
        send(shop, 10, event(1))
        with clock.frozen(at(30)):
            shop.post(batch(event(29), customer="u-1"))
        assert close_idle(60) == 0
        with clock.frozen(at(60)):
            shop.drain()
        assert close_idle(60) == 0
        assert close_idle(62) == 1

        assert (session().ended_at, session().event_count) == (at(29), 2)
        assert lengths(shop) == (1, 1, 28 * 60)

    def test_late_events_only_count_and_a_late_end_is_believed(self, shop: Shop) -> None:
        send(shop, 10, event(1), event(5))
        close_idle(60)
        send(shop, 70, event(20))
        assert (session().last_at, session().ended_at, session().event_count) == (at(5), at(5), 3)
        send(shop, 80, end(25))

        assert (session().last_at, session().ended_at, session().event_count) == (at(25), at(25), 4)
        assert session().ended_seq == 0
        assert lengths(shop) == (1, 1, 240)

    def test_many_are_closed_piece_by_piece(self, shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(idle_sessions, "ROWS_MOST", 3)
        send(shop, 10, *(event(number, f"s-{number}") for number in range(10)))
        send(shop, 10, *(event(number, f"s-{number}") for number in range(10)), customer="u-2")
        send(shop, 50, event(11, "s-0"))

        assert close_idle(60) == 19
        assert set(Session.objects.filter(ended_at=None).values_list("received_at", flat=True)) == {at(50)}
        assert lengths(shop) == (20, 19, 0)

    def test_a_session_that_goes_on_meanwhile_stays_open(self, shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
        send(shop, 10, event(1))
        find = idle_sessions._due

        def late(*arguments: Any) -> Any:
            found = find(*arguments)
            if found:
                Session.objects.update(received_at=at(50))
            return found

        monkeypatch.setattr(idle_sessions, "_due", late)
        assert close_idle(60) == 0
        assert session().ended_at is None
        assert lengths(shop) == (1, 0, 0)

    def test_two_that_close_at_once_count_once(self, shop: Shop) -> None:
        send(shop, 10, event(1))
        with connect(autocommit=True) as first, connect() as second:
            found = idle_sessions._due(first, session().bucket // 256 * 256, at(40))
            assert idle_sessions._close(second, found, at(40), at(60)) == 1
            second.commit()
            assert idle_sessions._close(first, found, at(40), at(60)) == 0

        assert lengths(shop) == (1, 1, 0)

    def test_every_session_counts_once_while_others_close_it(self, shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
        """Two pipelines and two chores work on the same sessions: nobody locks anybody out, nothing counts twice."""
        monkeypatch.setattr(idle_sessions, "oldest_waiting", lambda _connection: None)
        stop, closed, failures = threading.Event(), [0, 0], []

        def close(place: int) -> None:
            while not stop.is_set():
                closed[place] += close_idle(60 * 24)

        def process() -> None:
            try:
                with closing(Runner()) as runner:
                    while not stop.is_set():
                        runner.drain()
            except Exception as error:  # noqa: BLE001 - told by the assertion below
                failures.append(error)

        threads = [threading.Thread(target=close, args=(place,)) for place in (0, 1)]
        threads += [threading.Thread(target=process) for _ in range(2)]
        with clock.frozen(at(10)):
            for each in threads:
                each.start()
            try:
                for number in range(150):
                    events = [event(minute, f"s-{minute}") for minute in {number % 3, number % 5}]
                    events += [end(6, "s-4")] if number % 7 == 0 else []
                    shop.post(batch(*events, customer=f"u-{number % 8}"))
                eventually(shop.waiting, lambda waiting: waiting == 0 or bool(failures))
            finally:
                stop.set()
                for each in threads:
                    each.join(30)
        closed.append(close_idle(60 * 24))

        assert failures == []
        rows = list(Session.objects.all())
        assert sum(row.event_count for row in rows) == len(shop.events())
        assert lengths(shop)[:2] == (len(rows), len(rows))
        assert sum(closed) == sum(row.ended_seq == 0 for row in rows)

    def test_the_chore_goes_by_the_clock(self, shop: Shop) -> None:
        send(shop, 10, event(1))
        other = Shop(factories.feed(factories.workspace()))
        send(other, 10, event(1))
        other.close()
        with clock.frozen(at(60)):
            tasks.close_idle_sessions()

        assert lengths(shop) == lengths(other) == (1, 1, 0)
