"""Chores of this app, on Celery's schedule. Each may run twice or late without harm."""

import structlog
from celery import shared_task

from cdp_project.kernel import clock
from cdp_project.kernel.database import connect
from events import retention

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
