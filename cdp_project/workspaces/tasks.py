"""Chores of workspaces, on Celery's schedule."""

from cdp_project.kernel import clock
from cdp_project.kernel.chores import chore
from cdp_project.kernel.database import Connection
from cdp_project.workspaces import kept_answers, tokens


@chore
def forget_expired_tokens(_connection: Connection) -> int:
    """Forget what has expired, in bounded portions."""
    now, forgotten = clock.now(), 0
    while found := tokens.forget_expired(now):
        forgotten += found
    return forgotten


@chore
def forget_old_answers(_connection: Connection) -> int:
    """Forget what was answered to calls with an Idempotency-Key a day ago, in bounded portions."""
    now, forgotten = clock.now(), 0
    while found := kept_answers.forget_old(now):
        forgotten += found
    return forgotten
