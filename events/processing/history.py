"""Which historical batches are old enough to be taken. Pure."""

from collections.abc import Sequence
from datetime import datetime, timedelta

from cdp_project.kernel import clock
from events.batch import Event

AGE_LEAST = timedelta(hours=72)


def is_history(events: Sequence[Event], received_at: datetime) -> bool:
    """True when there are events, all with times of their own, none younger than 72 hours at reception.

    Reference: Events API 2.1.1, historical upload.
    """
    newest_ms = clock.milliseconds(received_at - AGE_LEAST)
    return bool(events) and all(
        event.occurred_at_ms is not None and event.occurred_at_ms <= newest_ms for event in events
    )
