"""Chores of this app, on Celery's schedule. Each may run twice or late without harm."""

from cdp_project.kernel import clock, rollups
from cdp_project.kernel.chores import chore
from cdp_project.kernel.database import Connection
from cdp_project.kernel.wake import waker
from connections import alerts, gather, retention, verdicts


@chore
def forget_old_deliveries(connection: Connection) -> int:
    """Forget what was refused or parked 30 days ago, and the log of attempts of that time; lanes of deleted outputs."""
    forgotten = retention.forget_old(connection, clock.now())
    days = retention.drop_old_attempts(connection, clock.now())
    return forgotten + len(days) + retention.drop_lanes_of_deleted(connection, clock.now())


@chore
def open_gathered(connection: Connection) -> int:
    """Send off what outputs want together and what is complete by now."""
    if items := gather.gather(connection, clock.now()):
        waker.hint("deliveries")
    return items


@chore
def compact_counts(connection: Connection) -> int:
    """Make one row of the verdicts, and of the alerts, of each hour that is over."""
    return sum(rollups.compact(connection, each, clock.now()) for each in (verdicts.ROLLUP, alerts.ROLLUP))
