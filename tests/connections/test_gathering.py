"""When what waits is complete, and how it is put together. Without a database."""

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from connections.gathering import (
    BATCH_EVENTS_MOST,
    SMALL_ITEMS_MOST,
    SMALL_ROWS_LEAST,
    Gathered,
    Waiting,
    as_they_came,
    complete,
    put_together,
    small_neighbours,
)
from connections.verdicts import HOUR_MS, report_hour_ms
from directory.contracts import ForwardedBatch, Gather
from events.identity_types import IdentityType
from tests.samples import CUSTOM, SENT_MS, forwarded_batch

MINUTE_MS = 60_000
TEN, SESSION = Gather.TEN_MINUTES, Gather.SESSION


def item(
    seq: int, *, mpid: int = 1, at_ms: int = SENT_MS, session: object = None, kind: str = "custom_event", **batch: Any
) -> Waiting:
    """The event of a batch of its own, received at that time."""
    data = {} if session is None else {"session_id": session}
    event = replace(CUSTOM, event_id=f"e-{seq}", event_type=kind, data=data, occurred_at_ms=at_ms)
    source = replace(forwarded_batch(event), batch_id=f"b-{seq}", mpid=mpid, received_at_ms=at_ms, **batch)
    return Waiting(0, seq, seq, source, event)


def seqs(groups: list[list[Waiting]]) -> list[list[int]]:
    return [[each.seq for each in items] for items in groups]


def joined(*items: Waiting) -> list[Gathered]:
    return put_together(items, lambda: "new")


def ids(gathered: list[Gathered]) -> list[list[str]]:
    return [[event.event_id for event in each.stored.batch.events] for each in gathered]


def test_a_person_is_complete_when_the_oldest_has_waited_ten_minutes() -> None:
    waiting = [item(1), item(2, mpid=2, at_ms=SENT_MS + 1), item(3, at_ms=SENT_MS + 9 * MINUTE_MS)]
    assert complete(waiting, TEN, SENT_MS + 10 * MINUTE_MS - 1) == []
    assert seqs(complete(waiting, TEN, SENT_MS + 10 * MINUTE_MS)) == [[1, 3]]


def test_when_more_waits_than_can_be_looked_at_all_is_complete() -> None:
    waiting = [item(1), item(2, mpid=2), item(3)]
    assert seqs(complete(waiting, TEN, SENT_MS, is_crowded=True)) == [[1, 3], [2]]


def test_a_session_is_complete_when_its_end_has_come() -> None:
    waiting = [item(1, session=7), item(2, session=8), item(3, session=7, kind="session_end"), item(4, mpid=2)]
    assert seqs(complete(waiting, SESSION, SENT_MS)) == [[1, 3]]


def test_a_session_is_complete_when_it_rests_and_when_it_never_does() -> None:
    resting = [item(1, session=7), item(2, session=7, at_ms=SENT_MS + MINUTE_MS)]
    assert complete(resting, SESSION, SENT_MS + 30 * MINUTE_MS) == []
    assert seqs(complete(resting, SESSION, SENT_MS + 31 * MINUTE_MS)) == [[1, 2]]
    restless = [item(1, session=7), item(2, session=7, at_ms=SENT_MS + 24 * HOUR_MS)]
    assert seqs(complete(restless, SESSION, SENT_MS + 24 * HOUR_MS)) == [[1, 2]]


@pytest.mark.parametrize("session", [None, "seven", 1.5])
def test_what_belongs_to_no_session_waits_ten_minutes(session: object) -> None:
    waiting = [item(1, session=session), item(2, session=7)]
    assert complete(waiting, SESSION, SENT_MS + 9 * MINUTE_MS) == []
    assert seqs(complete(waiting, SESSION, SENT_MS + 10 * MINUTE_MS)) == [[1]]


def test_one_batch_describes_the_person_as_its_last_event_does() -> None:
    (gathered,) = joined(item(5, user_attributes={"visits": 1}), item(9, user_attributes={"visits": 2}))
    batch = gathered.stored.batch
    assert ids([gathered]) == [["e-5", "e-9"]]
    assert (gathered.first_seq, gathered.stored.seq) == (5, 9)
    assert batch.user_attributes == {"visits": 2}
    assert (batch.batch_id, batch.source_request_id) == ("new", None)


def test_changes_told_by_earlier_batches_are_told() -> None:
    first = item(1, envelope={"system_notifications": ["a"], "deleted_user_attributes": ["x", "y"], "ip": "::1"})
    second = item(2, envelope={"system_notifications": ["b"], "sdk_version": "9"}, user_attributes={"y": 1})
    (gathered,) = joined(first, second)
    assert gathered.stored.batch.envelope == {
        "system_notifications": ["a", "b"],
        "deleted_user_attributes": ["x"],
        "sdk_version": "9",
    }


def test_a_batch_alone_stays_what_it_was() -> None:
    alone = item(1)
    (gathered,) = joined(alone)
    assert gathered.stored.batch == alone.batch


def test_batches_without_events_say_what_they_say_of_the_person() -> None:
    silent = replace(item(2, user_attributes={"a": 2}), event=None)
    (gathered,) = joined(item(1), silent)
    assert ids([gathered]) == [["e-1"]]
    assert gathered.stored.batch.user_attributes == {"a": 2}
    (alone,) = joined(silent)
    assert (alone.stored.item_count, alone.stored.batch.events) == (1, ())


def test_a_batch_tells_of_one_device() -> None:
    phone, tablet = ({IdentityType.DEVICE_APPLICATION_STAMP: name} for name in ("phone", "tablet"))
    found = joined(item(1, identities=phone), item(2, identities=phone), item(3, identities=tablet))
    assert ids(found) == [["e-1", "e-2"], ["e-3"]]


def test_a_batch_has_bounds() -> None:
    many = joined(*(item(number) for number in range(BATCH_EVENTS_MOST + 1)))
    assert [len(each.stored.batch.events) for each in many] == [1, BATCH_EVENTS_MOST]
    large = {"text": "x" * 400_000}
    heavy = [replace(each, event=replace(CUSTOM, event_id=f"e-{each.seq}", data=large)) for each in map(item, range(4))]
    assert ids(joined(*heavy)) == [["e-0", "e-1"], ["e-2", "e-3"]]


def in_rows(*sizes: int) -> list[Waiting]:
    """Items of deliveries that hold so many each."""
    rows = [row for row, size in enumerate(sizes) for _ in range(size)]
    return [replace(item(place), row=row) for place, row in enumerate(rows)]


def test_small_deliveries_side_by_side_are_kept_as_one() -> None:
    few, many, large = [1] * (SMALL_ROWS_LEAST - 1), [2] * SMALL_ROWS_LEAST, SMALL_ITEMS_MOST + 1
    assert small_neighbours(in_rows(*few)) == []
    assert small_neighbours(in_rows(*few, large, *few)) == []
    found = small_neighbours(in_rows(*few, large, *many))
    assert [[each.row for each in items] for items in found] == [
        [row for row in range(SMALL_ROWS_LEAST, 2 * SMALL_ROWS_LEAST) for _ in range(2)]
    ]


def test_kept_as_one_each_batch_stays_what_it_was() -> None:
    twice = item(1)
    other = replace(twice, position=2, event=replace(CUSTOM, event_id="e-1b"))
    found = as_they_came([twice, other, item(2)])
    assert ids(found) == [["e-1", "e-1b"], ["e-2"]]
    assert [(each.first_seq, each.stored.batch.batch_id) for each in found] == [(1, "b-1"), (2, "b-2")]


TIMES = st.integers(-4 * 24, 2 * 24).map(lambda hours: SENT_MS + hours * HOUR_MS)


@given(st.lists(st.tuples(TIMES, st.integers(0, 72 * HOUR_MS)), min_size=1, max_size=8))
def test_nothing_is_lost_or_doubled_and_every_event_is_counted_in_the_hour_that_it_was(
    times: list[tuple[int, int]],
) -> None:
    received = sorted(SENT_MS + later for _, later in times)
    items = [
        Waiting(0, each.position, each.seq, each.batch, replace(each.event, occurred_at_ms=occurred))
        for number, (occurred, at) in enumerate(zip((occurred for occurred, _ in times), received, strict=True))
        if (each := item(number, at_ms=at)).event
    ]
    gathered = joined(*items)

    assert [name for names in ids(gathered) for name in names] == [f"e-{number}" for number in range(len(times))]
    hours = {
        event.event_id: hour(each.stored.batch, event.occurred_at_ms)
        for each in gathered
        for event in each.stored.batch.events
    }
    assert hours == {each.event.event_id: hour(each.batch, each.event.occurred_at_ms) for each in items if each.event}


def hour(batch: ForwardedBatch, occurred_at_ms: int) -> int:
    return report_hour_ms(occurred_at_ms, batch.received_at_ms)
