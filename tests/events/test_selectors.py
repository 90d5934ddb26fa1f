"""The list over everybody: newest first, page by page, across days, and nobody else's."""

import re
from datetime import UTC, date, datetime, time, timedelta
from uuid import UUID

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from cdp_project.kernel import clock
from cdp_project.kernel.partitions import day_partition
from cdp_project.workspaces.environment import Environment
from events.selectors import Received, events_at, newest_events, newest_places
from tests import factories
from tests.shop import Shop, batch, custom_event

PRODUCTION = Environment.PRODUCTION
DAY = timedelta(days=1)
# Of the same bucket and many people.
MANY_EVENTS = """
INSERT INTO event (bucket, day, event_id, batch_id, mpid, origin_mpid, workspace_id, environment, input_id, event_type,
                   name, occurred_at, received_at, accept_seq, data)
SELECT bucket, day, (left(event_id::text, 24) || lpad(to_hex(n), 12, '0'))::uuid, batch_id,
       mpid + n * 4096, origin_mpid, workspace_id, environment, input_id,
       event_type, name, occurred_at, received_at, accept_seq, data
FROM event CROSS JOIN generate_series(1, 5000) n
"""


def names(shop: Shop, before: UUID | None = None, limit: int = 100) -> list[str]:
    return [event.name for event in newest_events(shop.workspace.pk, PRODUCTION, before, limit)]


def send_at(shop: Shop, days_ago: int, *sent: str) -> None:
    with clock.frozen(clock.now() - timedelta(days=days_ago)):
        for number, name in enumerate(sent):
            shop.process(batch(custom_event(name), customer=f"u-{number}"))


def test_events_come_newest_first_across_days(shop: Shop) -> None:
    send_at(shop, 40, "Oldest")
    send_at(shop, 3, "Older")
    send_at(shop, 1, "Yesterday")
    send_at(shop, 0, "Today")

    assert names(shop) == ["Today", "Yesterday", "Older", "Oldest"]
    assert names(shop, limit=3) == ["Today", "Yesterday", "Older"]


def test_pages_follow_each_other_without_gap_or_repeat(shop: Shop) -> None:
    send_at(shop, 2, *(f"Old {number}" for number in range(4)))
    send_at(shop, 0, *(f"New {number}" for number in range(4)))
    everything = names(shop)
    found: list[str] = []
    before = None
    while page := newest_events(shop.workspace.pk, PRODUCTION, before, 3):
        found += [event.name for event in page]
        before = page[-1].event_id

    assert found == everything
    assert len(set(found)) == 8


def test_other_workspaces_and_environments_are_not_in_it(shop: Shop) -> None:
    neighbour = Shop(factories.feed(factories.workspace()))
    neighbour.process(batch(custom_event("Foreign"), customer="u-1"))
    neighbour.runner.close()
    shop.process(
        batch(custom_event("Own"), customer="u-1"),
        batch(custom_event("Try"), customer="u-1", environment="development"),
    )

    assert names(shop) == ["Own"]
    assert [event.name for event in newest_events(shop.workspace.pk, Environment.DEVELOPMENT, None, 10)] == ["Try"]


@pytest.mark.django_db
def test_an_id_beyond_the_calendar_is_refused() -> None:
    with pytest.raises(ValueError, match="out of range"):
        newest_events(1, PRODUCTION, UUID(int=2**128 - 1), 10)


def received(first_days_ago: float | None, end_days_ago: float | None) -> Received:
    now = clock.now()
    moments = [None if days is None else now - timedelta(days=days) for days in (first_days_ago, end_days_ago)]
    return Received.between(*moments)


@pytest.mark.parametrize(
    ("first", "end", "expected"),
    [
        (None, None, ["Today", "Yesterday", "Older", "Oldest"]),
        (1.5, None, ["Today", "Yesterday"]),
        (None, 0.5, ["Yesterday", "Older", "Oldest"]),
        (30, 2, ["Older"]),
        (2.5, 1.5, []),
        (100, 50, []),
    ],
)
def test_events_of_a_time_of_acceptance(
    shop: Shop, first: float | None, end: float | None, expected: list[str]
) -> None:
    for days, name in ((40, "Oldest"), (3, "Older"), (1, "Yesterday"), (0, "Today")):
        send_at(shop, days, name)
    (person,) = {event["mpid"] for event in shop.events()}
    span = received(first, end)

    everybody = newest_events(shop.workspace.pk, PRODUCTION, None, 100, span)
    one = newest_places(shop.workspace.pk, PRODUCTION, [person], before=None, limit=100, received=span)

    assert [event.name for event in everybody] == expected
    assert [event.name for event in events_at(one)] == expected
    # Page by page it is the same.
    found: list[str] = []
    before = None
    while page := newest_events(shop.workspace.pk, PRODUCTION, before, 1, span):
        found += [event.name for event in page]
        before = page[-1].event_id
    assert found == expected


def test_the_first_moment_is_within_and_the_last_one_is_not(shop: Shop) -> None:
    send_at(shop, 1, "Only")
    (event,) = newest_events(shop.workspace.pk, PRODUCTION, None, 10)
    moment, later = event.received_at, event.received_at + timedelta(milliseconds=1)

    def count(first: datetime, end: datetime) -> int:
        return len(newest_events(shop.workspace.pk, PRODUCTION, None, 10, Received.between(first, end)))

    assert (count(moment, later), count(later, later + DAY), count(moment - DAY, moment)) == (1, 0, 0)


@pytest.mark.parametrize("of_person", [False, True])
def test_no_other_day_is_looked_at(shop: Shop, of_person: bool) -> None:
    for days in range(6):
        send_at(shop, days, f"Day {days}")
    (person,) = {event["mpid"] for event in shop.events()}
    today = clock.day_of(clock.now())
    span = Received.between(_midnight(today - 4 * DAY), _midnight(today - 2 * DAY) - timedelta(milliseconds=1))

    with CaptureQueriesContext(connection) as asked:
        if of_person:
            found = newest_places(shop.workspace.pk, PRODUCTION, [person], before=None, limit=50, received=span)
        else:
            newest_events(shop.workspace.pk, PRODUCTION, None, 50, span)
            found = []

    scanned = {table for query in asked.captured_queries for table in _tables(query["sql"])}
    wanted = {day_partition("event", today - days * DAY) for days in (3, 4)}
    assert {table for table in scanned if table.startswith("event_")} == wanted
    assert len(found) == (2 if of_person else 0)


def test_a_person_is_found_by_their_index(shop: Shop) -> None:
    send_at(shop, 1, "Seen")
    (person,) = {event["mpid"] for event in shop.events()}
    with connection.cursor() as cursor:
        cursor.execute(MANY_EVENTS)
        cursor.execute("ANALYZE event")

    with CaptureQueriesContext(connection) as asked:
        newest_places(shop.workspace.pk, PRODUCTION, [person], before=None, limit=50, received=received(2, 0))

    plan = _plan(asked.captured_queries[0]["sql"])
    assert "bucket_mpid_occurred_at_event_id_idx" in plan
    # A day without events has nothing to search for.
    assert f"Seq Scan on {day_partition('event', clock.day_of(clock.now() - DAY))}" not in plan


def _midnight(day: date) -> datetime:
    return datetime.combine(day, time(), UTC)


def _plan(sql: str) -> str:
    with connection.cursor() as cursor:
        cursor.execute(f"EXPLAIN {sql}")
        return "\n".join(line for (line,) in cursor.fetchall())


def _tables(sql: str) -> set[str]:
    return set(re.findall(r" on (\w+)", _plan(sql)))
