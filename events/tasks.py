"""Chores of this app, on Celery's schedule. Each may run twice or late without harm."""

import structlog

from cdp_project.kernel import clock, rollups
from cdp_project.kernel.chores import chore
from cdp_project.kernel.database import Connection
from events import active_days, idle_sessions, retention
from events.processing.accounting import HOURLY

log = structlog.get_logger(__name__)


@chore
def make_day_partitions(connection: Connection) -> int:
    """Make the partitions of today and the next days; processing makes them itself when this never ran."""
    return retention.make_days_ahead(connection, clock.now())


@chore
def drop_old_partitions(connection: Connection) -> int:
    """Drop days of events beyond the retention time, and keys of de-duplication that nobody looks at any more."""
    if dropped := retention.drop_old(connection, clock.now()):
        log.info("partitions dropped", names=dropped)
    return len(dropped)


@chore
def close_idle_sessions(connection: Connection) -> int:
    """Close sessions without an event for 30 minutes."""
    return idle_sessions.close_idle(connection, clock.now())


@chore
def compact_counts(connection: Connection) -> int:
    """Make one row of the counts of each hour that is over."""
    return rollups.compact(connection, HOURLY, clock.now())


@chore
def merge_active_people(connection: Connection) -> int:
    """Merge who was active, as the pipeline wrote it piece by piece, into days."""
    return active_days.merge(connection)


@chore
def forget_old_rows(connection: Connection) -> int:
    """Forget sessions beyond the retention time, and what stood in quarantine for 30 days."""
    sessions = retention.forget_old_sessions(connection, clock.now())
    return sessions + retention.forget_old_quarantine(connection, clock.now())
