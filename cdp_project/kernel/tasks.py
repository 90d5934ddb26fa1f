"""Chores of the installation itself, on Celery's schedule."""

from cdp_project.kernel import chores, clock
from cdp_project.kernel.chores import chore
from cdp_project.kernel.database import Connection


@chore
def forget_old_runs(connection: Connection) -> int:
    """Forget runs of chores that are older than a week."""
    return chores.forget_old_runs(connection, clock.now())
