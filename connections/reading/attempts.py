"""Requests that were kept: those that did not succeed, and a sample of those that did."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from django.db import connection

from cdp_project.kernel import clock
from connections.alert_codes import alert_label

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
