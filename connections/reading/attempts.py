"""Requests that were kept: those that did not succeed, and a sample of those that did."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from django.db import connection

from cdp_project.kernel import clock
from cdp_project.kernel.cursor import Position
from connections.alert_codes import alert_label
from connections.reading.own import Own
from events.selectors import EventView

ATTEMPTS_MOST = 200
# What one machine received another one sends, perhaps a little "before".
CLOCKS_DIFFER = timedelta(minutes=5)


@dataclass(frozen=True, slots=True)
class Attempt:
    """One request. `status` is None when there was no answer, `error` "" when it succeeded; the sample is redacted."""

    at: datetime
    status: int | None
    error: str
    latency_ms: int
    answer_sample: str

    @property
    def label(self) -> str:
        """The error in words."""
        return alert_label(self.error) if self.error else ""


_ATTEMPTS = """
SELECT connection_id, at, status, error, latency_ms, answer_sample FROM delivery_attempt
WHERE bucket = %(bucket)s AND event_id = %(event)s AND day >= %(day)s AND at >= %(since)s
ORDER BY at DESC, attempt_id DESC LIMIT %(most)s
"""

_PAGE = """
SELECT attempt_id, connection_id, output_id, at, status, error, latency_ms, answer_sample FROM delivery_attempt
WHERE bucket = %(bucket)s AND event_id = %(event)s AND day >= %(day)s AND at >= %(since)s
  AND connection_id = ANY(%(connections)s::bigint[])
  AND (%(before_at)s::timestamptz IS NULL OR (at, attempt_id) < (%(before_at)s, %(before_id)s::uuid))
ORDER BY at DESC, attempt_id DESC LIMIT %(limit)s
"""


@dataclass(frozen=True, slots=True)
class ListedAttempt:
    """A request with the connection that it was made for."""

    attempt_id: UUID
    connection_id: int
    output_id: int
    attempt: Attempt

    @property
    def position(self) -> Position:
        return Position(self.attempt.at, self.attempt_id)


def attempts_page(event: EventView, own: Own, *, before: Position | None, limit: int) -> list[ListedAttempt]:
    """Requests that carried an event of the workspace on these connections, the latest first."""
    if event.lane is None:
        return []
    since = event.received_at - CLOCKS_DIFFER
    before_at, before_id = before or (None, None)
    parameters: dict[str, Any] = {
        "bucket": event.lane,
        "event": event.event_id,
        "day": clock.day_of(since),
        "since": since,
        "connections": own.connection_ids,
        "before_at": before_at,
        "before_id": before_id,
        "limit": limit,
    }
    with connection.cursor() as cursor:
        cursor.execute(_PAGE, parameters)
        rows = cursor.fetchall()
    return [ListedAttempt(own_id, via, to, Attempt(*columns)) for own_id, via, to, *columns in rows]


def attempts_of(bucket: int, event_id: UUID, since: datetime) -> list[tuple[int, Attempt]]:
    """The latest requests that carried an event, as (connection id, attempt), in the order of time.

    The caller has seen that the event is one of the workspace's own.
    """
    parameters: dict[str, Any] = {
        "bucket": bucket,
        "event": event_id,
        "day": clock.day_of(since - CLOCKS_DIFFER),
        "since": since - CLOCKS_DIFFER,
        "most": ATTEMPTS_MOST,
    }
    with connection.cursor() as cursor:
        cursor.execute(_ATTEMPTS, parameters)
        rows = cursor.fetchall()
    return [(connection_id, Attempt(*columns)) for connection_id, *columns in reversed(rows)]
