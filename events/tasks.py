"""Chores of this app, on Celery's schedule. Each may run twice or late without harm."""

import structlog
from celery import shared_task

from cdp_project.kernel import clock, rollups
from cdp_project.kernel.database import connect
from events import active_days, idle_sessions, retention
from events.processing.accounting import HOURLY

log = structlog.get_logger(__name__)


@shared_task  # type: ignore[untyped-decorator]
def make_day_partitions() -> None:
    """Make the partitions of today and the next days; processing makes them itself when this never ran."""
    with connect(autocommit=True, name="tributary chores") as connection:
        retention.make_days_ahead(connection, clock.now())


@shared_task  # type: ignore[untyped-decorator]
def drop_old_partitions() -> None:
    """Drop days of events beyond the retention time, and keys of de-duplication that nobody looks at any more."""
    with connect(autocommit=True, name="tributary chores") as connection:
        if dropped := retention.drop_old(connection, clock.now()):
            log.info("partitions dropped", names=dropped)


@shared_task  # type: ignore[untyped-decorator]
def close_idle_sessions() -> None:
    """Close sessions without an event for 30 minutes."""
    with connect(autocommit=True, name="tributary chores") as connection:
        if closed := idle_sessions.close_idle(connection, clock.now()):
            log.info("idle sessions closed", sessions=closed)


@shared_task  # type: ignore[untyped-decorator]
def compact_counts() -> None:
    """Make one row of the counts of each hour that is over."""
    with connect(autocommit=True, name="tributary chores") as connection:
        if moved := rollups.compact(connection, HOURLY, clock.now()):
            log.info("counts compacted", rows=moved)


@shared_task  # type: ignore[untyped-decorator]
def merge_active_people() -> None:
    """Merge who was active, as the pipeline wrote it piece by piece, into days."""
    with connect(autocommit=True, name="tributary chores") as connection:
        if merged := active_days.merge(connection):
            log.info("active people merged", rows=merged)


@shared_task  # type: ignore[untyped-decorator]
def forget_old_rows() -> None:
    """Forget sessions beyond the retention time, and what stood in quarantine for 30 days."""
    with connect(autocommit=True, name="tributary chores") as connection:
        sessions = retention.forget_old_sessions(connection, clock.now())
        batches = retention.forget_old_quarantine(connection, clock.now())
        if sessions or batches:
            log.info("old rows forgotten", sessions=sessions, quarantined_batches=batches)
