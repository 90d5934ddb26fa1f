"""What happens by the clock in workspaces."""

from celery import shared_task

from cdp_project.kernel import clock
from cdp_project.workspaces import tokens


@shared_task  # type: ignore[untyped-decorator]
def forget_expired_tokens() -> None:
    """Hourly. Everything that has expired, in bounded portions."""
    now = clock.now()
    while tokens.forget_expired(now):
        continue
