"""Fill the outbox as the pipeline does, in one transaction, and tell deliveries."""

import time
from collections.abc import Iterator, Sequence

from django.conf import settings

from cdp_project.kernel import clock
from cdp_project.kernel.database import connect
from cdp_project.kernel.wake import waker
from cdp_project.workspaces.environment import Environment
from connections import outbox
from connections.forward import Route
from connections.models import Connection
from connections.payload import OutboxBatch
from directory.contracts import ForwardedBatch, ForwardedEvent, Wants
from events.identity_types import IdentityType
from events.intake.lane_key import first_bucket


def fill(connections: Sequence[Connection], batches: int, events: int, people: int) -> None:
    """Batches of one input, each for all of the connections; stamped with this moment."""
    first = connections[0]
    everywhere = frozenset(Environment)
    routes = [Route(each.pk, each.output_id, True, everywhere, Wants(), None, 1) for each in connections]
    chunks: dict[int, list[outbox.NewChunk]] = {}
    for batch in outbox_batches(batches, events, people):
        bucket = first_bucket(batch.batch.mpid % settings.CDP_LANES, settings.CDP_LANES)
        lane = chunks.setdefault(bucket, [])
        if not lane or lane[-1].is_full:
            lane.append(outbox.NewChunk(bucket, first.workspace_id, Environment.PRODUCTION, first.input_id, batch.seq))
        lane[-1].add(batch, [routes] * batch.item_count)
    written = [chunk for lane in chunks.values() for chunk in lane]
    with connect(name="bench") as database:
        outbox.write(database, written, clock.now(), outbox.lane_routes(written))
    waker.hint("deliveries")


def outbox_batches(batches: int, events: int, people: int) -> Iterator[OutboxBatch]:
    """Of people in turn."""
    now_us = time.time_ns() // 1000
    for number in range(batches):
        person = number % people
        forwarded = tuple(_event(number, place, now_us) for place in range(events))
        yield OutboxBatch(number, _batch(number, person, now_us // 1000, forwarded))


def _event(number: int, place: int, now_us: int) -> ForwardedEvent:
    data = {
        "event_name": "Viewed",
        "custom_event_type": "other",
        "custom_attributes": {"due_us": now_us, "colour": "red", "n": 3},
    }
    event_id = f"01900000-0000-7000-8000-{number:06d}{place:06d}"
    return ForwardedEvent(event_id, "custom_event", "Viewed", now_us // 1000, data)


def _batch(number: int, person: int, now_ms: int, events: tuple[ForwardedEvent, ...]) -> ForwardedBatch:
    return ForwardedBatch(
        batch_id=f"01900000-0000-7000-9000-{number:012d}",
        mpid=person + 1,
        environment="production",
        received_at_ms=now_ms,
        source_request_id=None,
        input_id=1,
        input_name="Server",
        input_kind="feed",
        platform=None,
        identities={
            IdentityType.CUSTOMER_ID: f"customer-{person}",
            IdentityType.EMAIL: f"person{person}@example.com",
        },
        user_attributes={"plan": "pro", "visits": 3, "vip": True, "city": "Bern"},
        envelope={"device_info": {"platform": "iOS"}, "application_info": {"os": "IOS"}},
        events=events,
    )
