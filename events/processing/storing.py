"""Writing what happened: events and batches into their day, and counts."""

from collections import Counter, defaultdict
from collections.abc import Iterator
from datetime import date
from typing import Any

from cdp_project.kernel import bulk, clock
from cdp_project.kernel.buckets import bucket_of_mpid
from cdp_project.kernel.partitions import day_partition
from events.metrics import EVENT, INSTALL, OUTCOME, STORED, event_label
from events.pipeline import Chunk, Context, EventItem, Person
from events.processing.session_id import session_id

_EVENT_COLUMNS = (
    "bucket",
    "day",
    "event_id",
    "mpid",
    "origin_mpid",
    "workspace_id",
    "environment",
    "input_id",
    "batch_id",
    "accept_seq",
    "occurred_at",
    "received_at",
    "event_type",
    "name",
    "session_id",
    "data",
    "withheld",
    "lane",
    "forwarded",
)
_BATCH_COLUMNS = (
    "bucket",
    "day",
    "batch_id",
    "mpid",
    "origin_mpid",
    "workspace_id",
    "environment",
    "input_id",
    "accept_seq",
    "received_at",
    "is_historical",
    "event_count",
    "envelope",
    "violations",
)
Stored = tuple[Context, Person, list[EventItem]]


def to_store(chunk: Chunk) -> Iterator[Stored]:
    """What came through all steps: batches with the person behind them and the events that nothing stopped."""
    for context in chunk.open():
        if context.person is not None:
            yield context, context.person, context.open_items()


def write(chunk: Chunk) -> None:
    """COPY events and batches into the partitions of their days."""
    by_day: dict[date, list[Stored]] = defaultdict(list)
    for stored in to_store(chunk):
        by_day[clock.day_of(stored[0].accepted.received_at)].append(stored)
    for day, batches in sorted(by_day.items()):
        rows = [row for each in batches for row in _event_rows(day, *each)]
        bulk.copy(chunk.transaction, day_partition("event", day), _EVENT_COLUMNS, rows)
        rows = [_batch_row(day, *each) for each in batches]
        bulk.copy(chunk.transaction, day_partition("batch", day), _BATCH_COLUMNS, rows)


def _event_rows(day: date, context: Context, person: Person, items: list[EventItem]) -> Iterator[bulk.Row]:
    accepted = context.accepted
    bucket = bucket_of_mpid(person.mpid)
    for item in items:
        event = item.event
        yield (
            bucket,
            day,
            item.event_id,
            person.mpid,
            person.origin_mpid,
            accepted.workspace_id,
            int(accepted.environment),
            accepted.input_id,
            accepted.batch_id,
            accepted.accept_seq,
            item.occurred_at,
            accepted.received_at,
            event.event_type,
            event.name,
            session_id(event.data),
            event.data,
            item.withheld or None,
            accepted.bucket,
            item.forwarded or None,
        )


def _batch_row(day: date, context: Context, person: Person, items: list[EventItem]) -> bulk.Row:
    accepted = context.accepted
    return (
        bucket_of_mpid(person.mpid),
        day,
        accepted.batch_id,
        person.mpid,
        person.origin_mpid,
        accepted.workspace_id,
        int(accepted.environment),
        accepted.input_id,
        accepted.accept_seq,
        accepted.received_at,
        accepted.is_historical,
        len(items),
        envelope(context),
        [{"code": each.code, "pointer": each.pointer} for each in context.batch.violations] or None,
    )


def envelope(context: Context) -> dict[str, Any]:
    """What the batch said besides its events, under Events API names: the log of everything written to the profile."""
    batch = context.batch
    said = {
        "mpid": batch.mpid,
        "source_request_id": batch.source_request_id,
        "user_identities": {kind.word: value for kind, value in batch.identities.items()},
        "user_attributes": batch.user_attributes,
        "deleted_user_attributes": batch.deleted_user_attributes,
    }
    return batch.envelope | {name: value for name, value in said.items() if value}


def count(chunk: Chunk) -> None:
    """Count stored events by name, and app installs."""
    for context, _, items in to_store(chunk):
        if not items:
            continue
        chunk.count(context, OUTCOME, STORED, len(items))
        labels = Counter(event_label(item.event.event_type, item.event.name) for item in items)
        for label, times in labels.items():
            chunk.count(context, EVENT, label, times)
        if installs := sum(is_install(item) for item in items):
            chunk.count(context, INSTALL, by=installs)


def is_install(item: EventItem) -> bool:
    """A first run of an app: an initialised application that says so, or the legacy event (reference 2.1.7)."""
    event = item.event
    if event.event_type == "first_run":
        return True
    return (
        event.event_type == "application_state_transition"
        and event.data.get("application_transition_type") == "application_initialized"
        and event.data.get("is_first_run") is True
    )
