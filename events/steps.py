"""The pipeline steps of this app, in the order in which settings.CDP_PIPELINE lists them."""

import msgspec

from cdp_project.kernel.buckets import bucket_of_mpid, time_ordered_ids
from cdp_project.kernel.outcome import Drop
from events.intake import bodies
from events.metrics import CONFLICT
from events.models import InputKind
from events.pipeline import Chunk, Context, EventItem, apply, prepare
from events.processing import active_people, duplicates, history, sessions, storing
from events.processing.duplicates import BATCH, EVENT, Sight, Sighting, SourceId, sighting
from events.reasons import DUPLICATE, NOT_HISTORICAL

FEED_ATTRIBUTE = "mParticle Source Feed"


@prepare
def keep_only_history(chunk: Chunk) -> None:
    """Drop historical batches that are not: no events, or one without a time or younger than 72 hours."""
    for context in chunk.open():
        accepted = context.accepted
        if accepted.is_historical and not history.is_history(context.batch.events, accepted.received_at):
            context.outcome = Drop(NOT_HISTORICAL)


@apply
def drop_duplicates(chunk: Chunk) -> None:
    """Drop batches and events whose id the input has sent before (reference: Events API 2.1.2)."""
    _drop_batches(chunk)
    # Only now: events of a dropped batch must stay unclaimed, another batch may bring them.
    _drop_events(chunk)


def _drop_batches(chunk: Chunk) -> None:
    contexts = [context for context in chunk.open() if context.batch.source_request_id]
    sightings = [_batch_sighting(context) for context in contexts]
    sights = duplicates.claim(chunk.transaction, chunk.now, sightings)
    for context, (source_id, _), sight in zip(contexts, sightings, sights, strict=True):
        if not _is_first(chunk, context, source_id, sight):
            context.outcome = Drop(DUPLICATE)


def _is_first(chunk: Chunk, context: Context, source_id: SourceId, sight: Sight) -> bool:
    """Note what became of a sighting."""
    if sight is Sight.FIRST:
        context.claimed.append(source_id)
    if sight is Sight.CONFLICT:
        chunk.count(context, CONFLICT)
    return sight is Sight.FIRST


def _batch_sighting(context: Context) -> Sighting:
    accepted = context.accepted
    # As it was sent: packing is ours and may differ between two processes.
    body = bodies.unpack(accepted.encoding, accepted.body)
    return sighting(accepted.input_id, accepted.environment, BATCH, context.batch.source_request_id or "", body)


def _drop_events(chunk: Chunk) -> None:
    pairs = [
        (context, item)
        for context in chunk.open()
        for item in context.items
        if item.outcome is None and item.event.source_message_id
    ]
    sightings = [_event_sighting(*pair) for pair in pairs]
    sights = duplicates.claim(chunk.transaction, chunk.now, sightings)
    for (context, item), (source_id, _), sight in zip(pairs, sightings, sights, strict=True):
        if not _is_first(chunk, context, source_id, sight):
            item.outcome = Drop(DUPLICATE)


def _event_sighting(context: Context, item: EventItem) -> Sighting:
    accepted, event = context.accepted, item.event
    body = msgspec.json.encode((event.event_type, event.data))
    return sighting(accepted.input_id, accepted.environment, EVENT, event.source_message_id or "", body)


@apply
def name_feed(chunk: Chunk) -> None:
    """Events of a feed carry its name as a custom attribute (reference 1.5, custom-feed marker).

    It is ours and not the client's: it takes none of the event's hundred places, and it comes after
    `drop_duplicates`, for which an event is the same after its feed was renamed.
    """
    for context in chunk.open():
        if context.input.kind == InputKind.FEED:
            for item in context.open_items():
                data = item.event.data
                data["custom_attributes"] = {
                    **(data.get("custom_attributes") or {}),
                    FEED_ATTRIBUTE: context.input.name,
                }


@apply
def give_ids(chunk: Chunk) -> None:
    """Every event of a known person gets its id, which leads to its day and bucket."""
    for context in chunk.open():
        if context.person is not None:
            items = context.open_items()
            bucket = bucket_of_mpid(context.person.mpid)
            ids = time_ordered_ids(context.accepted.received_at, bucket, len(items))
            for item, event_id in zip(items, ids, strict=True):
                item.event_id = event_id


@apply
def track_sessions(chunk: Chunk) -> None:
    """Begin, continue and end sessions. No later step stops an event: what counts in a session is stored."""
    sessions.track(chunk)


@apply
def store(chunk: Chunk) -> None:
    """Keep events and batches, count them, and note who was active."""
    storing.write(chunk)
    storing.count(chunk)
    active_people.record(chunk)
