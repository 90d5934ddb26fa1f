"""Sessions that nobody ended: they are over when half an hour has passed without an event."""

from collections import Counter
from datetime import datetime, timedelta
from typing import Any

from cdp_project.kernel import bulk, rollups
from cdp_project.kernel.buckets import BUCKETS, bucket_of_number
from cdp_project.kernel.database import Connection
from events.intake.backpressure import oldest_waiting
from events.metrics import SESSION_ENDED, SESSION_SECONDS
from events.pipeline import MetricKey, hour_of
from events.processing.accounting import HOURLY
from events.processing.sessions import KEY, STATE_COLUMNS

IDLE = timedelta(minutes=30)
# `received_at` is kept to the minute, rounded down.
ROUNDED = timedelta(minutes=1)
IDLE_SEQ = 0
"""`ended_seq` of a session that nobody ended."""
# One statement looks through the open sessions of so many buckets, one transaction closes so many sessions.
BUCKETS_AT_ONCE = 256
ROWS_MOST = 1000

_DUE = """
SELECT bucket, workspace_id, environment, mpid, session_id FROM session
WHERE bucket >= %(first)s AND bucket < %(end)s AND ended_at IS NULL AND received_at < %(before)s
LIMIT %(most)s
"""
_CLOSE = f"ON CONFLICT ({', '.join(KEY)}) DO UPDATE SET ended_at = EXCLUDED.ended_at, ended_seq = EXCLUDED.ended_seq"
SessionRow = dict[str, Any]


def close_idle(connection: Connection, now: datetime) -> int:
    """Close sessions whose last event came over 30 minutes ago; how many. `connection` is in autocommit mode.

    They end with their last event. No event is later than its reception (events.processing.sessions), so its time
    lies as far back. While batches wait, it is as if it were the time when the oldest was accepted: it may belong
    to a session that only seems idle.
    """
    before = min(now, oldest_waiting(connection) or now) - IDLE - ROUNDED
    closed = 0
    for first in range(0, BUCKETS, BUCKETS_AT_ONCE):
        while due := _due(connection, first, before):
            closed += _close(connection, due, before, now)
    return closed


def _due(connection: Connection, first: int, before: datetime) -> list[bulk.Key]:
    parameters = {"first": first, "end": first + BUCKETS_AT_ONCE, "before": before, "most": ROWS_MOST}
    return connection.execute(_DUE, parameters).fetchall()


def _close(connection: Connection, keys: list[bulk.Key], before: datetime, now: datetime) -> int:
    """Close those that are still due once they are locked; locks are taken in the pipeline's order."""
    with connection.transaction():
        rows = bulk.lookup(connection, "session", KEY, keys, STATE_COLUMNS, lock=True)
        found = [dict(zip((*KEY, *STATE_COLUMNS), (*key, *state), strict=True)) for key, state in rows]
        idle = [_ended(row) for row in found if row["ended_at"] is None and row["received_at"] < before]
        columns = (*KEY, *STATE_COLUMNS)
        values = [tuple(row.values()) for row in idle]
        bulk.insert(connection, "session", columns, values, tail=_CLOSE, key_width=len(KEY))
        rollups.add(connection, HOURLY, [(bucket_of_number(key[0]), *key, n) for key, n in _counts(idle, now).items()])
    return len(idle)


def _ended(row: SessionRow) -> SessionRow:
    return row | {"ended_at": row["last_at"], "ended_seq": IDLE_SEQ}


def _counts(sessions: list[SessionRow], now: datetime) -> Counter[MetricKey]:
    counts: Counter[MetricKey] = Counter()
    for row in sessions:
        place = (row["workspace_id"], row["environment"], row["input_id"], hour_of(now))
        counts[*place, SESSION_ENDED, ""] += 1
        counts[*place, SESSION_SECONDS, ""] += round((row["ended_at"] - row["started_at"]).total_seconds())
    return counts
