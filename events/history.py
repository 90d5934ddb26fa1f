"""Which historical batches are old enough to be taken. Pure."""

from datetime import datetime, timedelta

from events.pipeline import EventItem

AGE_LEAST = timedelta(hours=72)


def is_history(items: list[EventItem], received_at: datetime) -> bool:
    """True when there are events, all with times of their own, none younger than 72 hours at reception.

    Reference: Events API 2.1.1, historical upload.
    """
    newest = received_at - AGE_LEAST
    return bool(items) and all(item.event.occurred_at_ms is not None and item.occurred_at <= newest for item in items)
