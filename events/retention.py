"""Which partitions must exist soon, and what has lived long enough."""

from datetime import datetime, timedelta
from typing import LiteralString

from django.conf import settings

from cdp_project.kernel import clock, partitions
from cdp_project.kernel.buckets import BUCKETS
from cdp_project.kernel.database import Connection
from cdp_project.kernel.used_buckets import used_buckets
from events.processing import duplicates
from events.processing.storage import DAY_TABLES, GENERATION_TABLE

DAYS_AHEAD = 2
QUARANTINE_KEPT = timedelta(days=30)
# A transaction deletes no more than this, so that it locks nobody out for long.
ROWS_MOST = 2000
HOURS_A_DAY = 24

# What somebody works on at the moment is left for the next run.
_FORGET_SESSIONS = """
WITH old AS MATERIALIZED (
    SELECT workspace_id, environment, mpid, session_id FROM session
    WHERE bucket = %(bucket)s AND received_at < %(before)s LIMIT %(most)s FOR UPDATE SKIP LOCKED)
DELETE FROM session s USING old
WHERE s.bucket = %(bucket)s AND s.workspace_id = old.workspace_id AND s.environment = old.environment
  AND s.mpid = old.mpid AND s.session_id = old.session_id
"""
_FORGET_QUARANTINE = """
WITH old AS MATERIALIZED (
    SELECT batch_id FROM quarantine
    WHERE bucket = %(bucket)s AND quarantined_at < %(before)s LIMIT %(most)s FOR UPDATE SKIP LOCKED)
DELETE FROM quarantine q USING old WHERE q.bucket = %(bucket)s AND q.batch_id = old.batch_id
"""


def make_days_ahead(connection: Connection, now: datetime) -> int:
    """Today and the next days of every table that is partitioned by day; how many partitions were missing."""
    days = [clock.day_of(now) + timedelta(days=ahead) for ahead in range(DAYS_AHEAD + 1)]
    return sum(partitions.make_days(connection, table, days) for table in partitions.tables_by_day(connection))


def drop_old(connection: Connection, now: datetime) -> list[str]:
    """Drop days of events beyond the retention time and generations that are looked at no more; their names."""
    old = [(table, name) for table in DAY_TABLES for name in _below(connection, table, _oldest_day(table, now))]
    old += [(GENERATION_TABLE, name) for name in _below(connection, GENERATION_TABLE, _oldest_generation(now))]
    return [name for table, name in old if partitions.drop_partition(connection, table, name)]


def forget_old_sessions(connection: Connection, now: datetime) -> int:
    """Delete sessions that are older than the events kept; how many. `connection` is in autocommit mode.

    Looks at each bucket once a day, at those of this hour now: finding them means reading all of a bucket's.
    """
    before = now - _events_kept()
    return sum(
        _forget(connection, _FORGET_SESSIONS, bucket, before) for bucket in range(now.hour, BUCKETS, HOURS_A_DAY)
    )


def forget_old_quarantine(connection: Connection, now: datetime) -> int:
    """Delete batches that nobody took out of the quarantine for 30 days; how many. They stay counted by their reason.

    `connection` is in autocommit mode.
    """
    before = now - QUARANTINE_KEPT
    return sum(
        _forget(connection, _FORGET_QUARANTINE, bucket, before) for bucket in used_buckets(connection, "quarantine")
    )


def _forget(connection: Connection, statement: LiteralString, bucket: int, before: datetime) -> int:
    parameters = {"bucket": bucket, "before": before, "most": ROWS_MOST}
    forgotten = 0
    while found := connection.execute(statement, parameters).rowcount:
        forgotten += found
    return forgotten


def _events_kept() -> timedelta:
    return timedelta(days=settings.CDP_EVENT_RETENTION_DAYS)


def _oldest_day(table: str, now: datetime) -> str:
    return partitions.day_partition(table, clock.day_of(now - _events_kept()))


def _oldest_generation(now: datetime) -> str:
    oldest = duplicates.generation_of(now - duplicates.BORDER) - duplicates.KEPT + 1
    return partitions.list_partition(GENERATION_TABLE, oldest)


def _below(connection: Connection, table: str, oldest: str) -> list[str]:
    """Partitions before `oldest`; their names end in numbers, so they are compared by these."""
    names = {*partitions.partitions_of(connection, table), *partitions.left_behind(connection, table)}
    return sorted(name for name in names if _number(name) < _number(oldest))


def _number(name: str) -> int:
    return int(name.rpartition("_")[2])
