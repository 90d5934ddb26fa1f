"""Chores of workspaces, on Celery's schedule."""

from cdp_project.kernel import clock
from cdp_project.kernel.chores import chore
from cdp_project.kernel.database import Connection
from cdp_project.workspaces import tokens


@chore
def forget_expired_tokens(_connection: Connection) -> int:
    """Forget what has expired, in bounded portions."""
    now, forgotten = clock.now(), 0
    while found := tokens.forget_expired(now):
        forgotten += found
    return forgotten
