"""Chores of this app, on Celery's schedule. Each may run twice or late without harm."""

import structlog
from celery import shared_task

from cdp_project.kernel import clock, rollups
from cdp_project.kernel.database import connect
from cdp_project.kernel.wake import waker
from connections import alerts, gather, retention, verdicts

log = structlog.get_logger(__name__)


@shared_task  # type: ignore[untyped-decorator]
def forget_old_deliveries() -> None:
    """Forget what was refused or parked 30 days ago, and the log of attempts of that time; lanes of deleted outputs."""
    with connect(autocommit=True, name="tributary chores") as connection:
        forgotten = retention.forget_old(connection, clock.now())
        dropped = retention.drop_old_attempts(connection, clock.now())
        lanes = retention.drop_lanes_of_deleted(connection, clock.now())
        if forgotten or dropped or lanes:
            log.info("old deliveries forgotten", items=forgotten, days=dropped, lanes=lanes)


@shared_task  # type: ignore[untyped-decorator]
def open_gathered() -> None:
    """Send off what outputs want together and what is complete by now."""
    with connect(autocommit=True, name="tributary gathering") as connection:
        if items := gather.gather(connection, clock.now()):
            waker.hint("deliveries")
            log.info("gathered events opened", items=items)


@shared_task  # type: ignore[untyped-decorator]
def compact_counts() -> None:
    """Make one row of the verdicts, and of the alerts, of each hour that is over."""
    with connect(autocommit=True, name="tributary chores") as connection:
        if moved := sum(rollups.compact(connection, each, clock.now()) for each in (verdicts.ROLLUP, alerts.ROLLUP)):
            log.info("verdicts and alerts compacted", rows=moved)
