"""What still waits of an input that is to be deleted, told by every app that keeps something of it."""

from django.conf import settings
from django.db import connection
from django.utils.module_loading import import_string

from events.models import Input

_IN_THE_INBOX = "SELECT count(*), coalesce(sum(event_count), 0) FROM inbox WHERE input_id = %s"


def what_waits(source: Input) -> str:
    """Sentences for whoever is asked whether they mean it; "" when nothing waits."""
    told = (import_string(path)(source) for path in settings.CDP_INPUT_DELETION)
    return " ".join(filter(None, told))


def in_the_inbox(source: Input) -> str:
    """Accepted and not processed yet."""
    with connection.cursor() as cursor:
        cursor.execute(_IN_THE_INBOX, [source.pk])
        batches, events = cursor.fetchone()
    if not batches:
        return ""
    told = "1 batch" if batches == 1 else f"{batches} batches"
    return f"{told} with {events} {'event' if events == 1 else 'events'} wait to be processed and will be quarantined."
