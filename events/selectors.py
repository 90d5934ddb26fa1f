"""Reading stored events back."""

import json
from collections.abc import Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any
from uuid import UUID

from django.db import connection

from cdp_project.kernel import clock
from cdp_project.kernel.buckets import bucket_of_id, bucket_of_mpid, day_of_id, first_id_at
from cdp_project.kernel.cursor import Position
from cdp_project.workspaces.environment import Environment


@dataclass(frozen=True, slots=True)
class EventView:
    """A stored event as it may be shown. It went out on the connections in `forwarded`.

    `withheld` maps connection id to why it did not get the event. `lane` is the bucket of the lane that it came
    by, None for what was stored before that was kept. `batch_violations` are what was mended in, or left out of,
    the batch that it came in: code and JSON pointer.
    """

    event_id: UUID
    batch_id: UUID
    mpid: int
    input_id: int
    environment: Environment
    event_type: str
    name: str
    occurred_at: datetime
    received_at: datetime
    session_id: int | None
    accept_seq: int
    lane: int | None
    data: dict[str, Any]
    forwarded: list[int]
    withheld: dict[str, str]
    batch_violations: list[dict[str, str]]


@dataclass(frozen=True, slots=True)
class EventPlace:
    """Where an event stands in a list, and where its row is."""

    occurred_at: datetime
    event_id: UUID
    bucket: int
    day: date

    @property
    def position(self) -> Position:
        """Where the event stands in a list."""
        return Position(self.occurred_at, self.event_id)


@dataclass(frozen=True, slots=True)
class Received:
    """Events accepted from one moment on and before another, to the millisecond, by the ids that they got."""

    first_id: UUID
    end_id: UUID

    @classmethod
    def between(cls, first: datetime | None, end: datetime | None) -> "Received":
        """None means: however early, or late."""
        return cls(
            UUID(int=0) if first is None else first_id_at(first),
            UUID(int=2**128 - 1) if end is None else first_id_at(end),
        )

    @property
    def days(self) -> tuple[date, date]:
        """The first and the last; both may lie outside of what is kept."""
        try:
            return day_of_id(self.first_id), day_of_id(self.end_id)
        except ValueError:
            return day_of_id(self.first_id), date.max


EVER = Received.between(None, None)

_PLACES = """
SELECT occurred_at, event_id, bucket, day
FROM event
WHERE bucket = %(bucket)s AND mpid = %(mpid)s AND workspace_id = %(workspace)s AND environment = %(environment)s
  AND day BETWEEN %(first_day)s AND %(last_day)s AND event_id >= %(first)s AND event_id < %(end)s
  AND (%(before_at)s::timestamptz IS NULL OR (occurred_at, event_id) < (%(before_at)s, %(before_id)s::uuid))
ORDER BY occurred_at DESC, event_id DESC
LIMIT %(limit)s
"""
_NEWEST = """
SELECT occurred_at, event_id, bucket, day
FROM event
WHERE workspace_id = %(workspace)s AND environment = %(environment)s
  AND day BETWEEN %(first_day)s AND %(last_day)s AND event_id >= %(first)s AND event_id < %(before)s
ORDER BY event_id DESC
LIMIT %(limit)s
"""
# Most pages are full with these days; only then are the others asked, each of which has an index of its own.
_RECENT = timedelta(days=1)
_EVENTS = """
SELECT e.event_id, e.batch_id, e.mpid, e.input_id, e.environment, e.event_type, e.name, e.occurred_at, e.received_at,
       e.session_id, e.accept_seq, e.lane, e.data::text, e.forwarded::text, e.withheld::text, b.violations::text
FROM unnest(%(buckets)s::smallint[], %(days)s::date[], %(ids)s::uuid[]) AS wanted (bucket, day, event_id)
JOIN event e ON e.bucket = wanted.bucket AND e.day = wanted.day AND e.event_id = wanted.event_id
  AND e.day BETWEEN %(first_day)s AND %(last_day)s
LEFT JOIN batch b ON b.bucket = e.bucket AND b.day = e.day AND b.batch_id = e.batch_id
  AND b.day BETWEEN %(first_day)s AND %(last_day)s
ORDER BY e.occurred_at DESC, e.event_id DESC
"""

_PEOPLE = """
SELECT e.event_id, e.mpid
FROM unnest(%(buckets)s::smallint[], %(days)s::date[], %(ids)s::uuid[]) AS wanted (bucket, day, event_id)
JOIN event e ON e.bucket = wanted.bucket AND e.day = wanted.day AND e.event_id = wanted.event_id
  AND e.day BETWEEN %(first_day)s AND %(last_day)s
WHERE e.workspace_id = %(workspace)s AND e.environment = %(environment)s
"""
_IS_OF = """
SELECT 1 FROM event WHERE bucket = %s AND day = %s AND event_id = %s AND workspace_id = %s AND environment = %s
"""


def newest_places(
    workspace_id: int,
    environment: Environment,
    people: Iterable[int],
    *,
    before: Position | None,
    limit: int,
    received: Received = EVER,
) -> list[EventPlace]:
    """Places of the events of several people in one workspace, newest first, those before the position if any."""
    before_at, before_id = before or (None, None)
    first_day, last_day = received.days
    parameters = {
        "workspace": workspace_id,
        "environment": int(environment),
        "first_day": first_day,
        "last_day": last_day,
        "first": received.first_id,
        "end": received.end_id,
        "before_at": before_at,
        "before_id": before_id,
        "limit": limit,
    }
    found = [place for mpid in people for place in _places_of(mpid, parameters)]
    return sorted(found, key=lambda place: place.position, reverse=True)[:limit]


def _places_of(mpid: int, parameters: dict[str, Any]) -> list[EventPlace]:
    """Of one person: one look into one bucket."""
    with connection.cursor() as cursor:
        cursor.execute(_PLACES, {**parameters, "bucket": bucket_of_mpid(mpid), "mpid": mpid})
        return [EventPlace(*row) for row in cursor.fetchall()]


def events_at(places: Sequence[EventPlace]) -> list[EventView]:
    """The events of these places, newest first; one that was deleted meanwhile is missing."""
    if not places:
        return []
    days = [each.day for each in places]
    parameters: dict[str, Any] = {
        "buckets": [each.bucket for each in places],
        "days": days,
        "ids": [each.event_id for each in places],
        # Bounds let the planner leave out the partitions of all other days.
        "first_day": min(days),
        "last_day": max(days),
    }
    with connection.cursor() as cursor:
        cursor.execute(_EVENTS, parameters)
        return [_view(*row) for row in cursor.fetchall()]


def newest_events(
    workspace_id: int, environment: Environment, before: UUID | None, limit: int, received: Received = EVER
) -> list[EventView]:
    """Stored events of everybody in the order of acceptance, newest first; `before` is the last id of the page before.

    Raises ValueError when `before` carries no day.
    """
    first_day, last_day = received.days
    last_day = min(last_day, clock.day_of(clock.now() + _RECENT) if before is None else day_of_id(before))
    parameters: dict[str, Any] = {
        "workspace": workspace_id,
        "environment": int(environment),
        "first": received.first_id,
        "before": received.end_id if before is None else min(before, received.end_id),
    }
    recent = {"first_day": max(first_day, last_day - _RECENT), "last_day": last_day}
    older = {"first_day": first_day, "last_day": last_day - 2 * _RECENT}
    places: list[EventPlace] = []
    with connection.cursor() as cursor:
        for days in (recent, older):
            if days["first_day"] <= days["last_day"]:
                cursor.execute(_NEWEST, parameters | days | {"limit": limit - len(places)})
                places += [EventPlace(*row) for row in cursor.fetchall()]
            if len(places) == limit:
                break
    return sorted(events_at(places), key=lambda event: event.event_id, reverse=True)


def event_of(workspace_id: int, environment: Environment, event_id: UUID) -> EventView | None:
    """One event of the workspace; its id leads to its row. None for every other id."""
    try:
        place = EventPlace(clock.now(), event_id, bucket_of_id(event_id), day_of_id(event_id))
    except ValueError:
        return None
    with connection.cursor() as cursor:
        cursor.execute(_IS_OF, [place.bucket, place.day, event_id, workspace_id, int(environment)])
        found = events_at([place]) if cursor.fetchone() else []
    return found[0] if found else None


def people_of(workspace_id: int, environment: Environment, event_ids: Iterable[UUID]) -> dict[UUID, int]:
    """MPIDs by event id; an id that none of the workspace's events has is missing."""
    days: dict[UUID, date] = {}
    for event_id in event_ids:
        with suppress(ValueError):
            days[event_id] = day_of_id(event_id)
    if not days:
        return {}
    parameters: dict[str, Any] = {
        "workspace": workspace_id,
        "environment": int(environment),
        "buckets": [bucket_of_id(each) for each in days],
        "days": list(days.values()),
        "ids": list(days),
        "first_day": min(days.values()),
        "last_day": max(days.values()),
    }
    with connection.cursor() as cursor:
        cursor.execute(_PEOPLE, parameters)
        return dict(cursor.fetchall())


def _view(*columns: Any) -> EventView:
    *values, data, forwarded, withheld, violations = columns
    values[4] = Environment(values[4])
    values += [json.loads(data), json.loads(forwarded or "[]")]
    values += [json.loads(withheld or "{}"), json.loads(violations or "[]")]
    return EventView(*values)
