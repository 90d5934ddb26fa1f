"""When a parcel is tried again, and when it has been tried for long enough. Pure."""

from collections.abc import Callable
from datetime import datetime, timedelta
from random import random

from cdp_project.kernel.backoff import delay_seconds
from connections.parcels import Parcel

FIRST_S, MOST_S = 2.0, 600.0
RETRY_FOR = timedelta(hours=72)
# A partner may ask for more patience than our own pauses have, within reason.
RETRY_AFTER_MOST_S = 6 * 3600.0


def is_overdue(parcel: Parcel, now: datetime) -> bool:
    """Whether it has waited, or been tried, for as long as anything is."""
    return now - (parcel.first_failed_at or parcel.origin.created_at) >= RETRY_FOR


def next_try(
    attempts: int, first_failed_at: datetime, now: datetime, after_s: float | None, draw: Callable[[], float] = random
) -> datetime | None:
    """When to try again after so many attempts; None after 72 hours. `after_s` is what the partner asked for."""
    if now - first_failed_at >= RETRY_FOR:
        return None
    wait_s = delay_seconds(attempts, first=FIRST_S, most=MOST_S, draw=draw)
    return now + timedelta(seconds=max(wait_s, min(after_s or 0.0, RETRY_AFTER_MOST_S)))
