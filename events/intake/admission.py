"""All that is decided about a request before it is stored."""

import secrets
from collections.abc import Mapping, Sequence
from datetime import datetime

import msgspec
import psycopg
from django.conf import settings

from cdp_project.kernel import clock
from cdp_project.kernel.buckets import BUCKETS, time_ordered_id
from cdp_project.workspaces.environment import Environment
from events.batch import BatchError
from events.intake import bodies
from events.intake.inbox import NewBatch
from events.intake.keys import KeyHolder, secret_fits
from events.intake.lane_key import key_bucket, lane_of_bucket
from events.intake.refusals import input_off, no_credentials, store_away, unavailable, wrong_credentials
from events.intake.waits import Waits
from events.protocol import Endpoint, IntakeProtocol, IntakeRequest, Part


class Admitted(msgspec.Struct, frozen=True):
    """A request that may be stored: its batches, and what is needed to answer once they are."""

    request: IntakeRequest
    parts: Sequence[Part]
    batches: Sequence[NewBatch]
    limit_percent: int | None


async def admit(
    waits: Waits,
    protocol: IntakeProtocol,
    endpoint: Endpoint,
    headers: Mapping[str, str],
    query: Mapping[str, str],
    body: bytes,
) -> Admitted:
    """The request with its batches, ready to be stored. IntakeRefusal says what is wrong with it."""
    now = clock.now()
    plain = bodies.inflate(body, headers.get("content-encoding", ""), protocol.request_bytes_most)
    if plain is not body:
        waits.grow(len(plain))
    request = IntakeRequest(endpoint, headers, query, plain)
    holder = await _authenticate(waits, protocol, request, now)
    if problem := await waits.problem(now):
        raise unavailable(problem, after_s=30)
    parts = await waits.work(len(plain), protocol.split, request)
    limit_percent = await waits.rate(holder, len(parts), now)
    batches = await waits.work(len(plain), _new_batches, protocol, endpoint, holder, parts, now)
    return Admitted(request, parts, batches, limit_percent)


async def _authenticate(waits: Waits, protocol: IntakeProtocol, request: IntakeRequest, now: datetime) -> KeyHolder:
    shown = protocol.credentials(request)
    if shown is None:
        raise no_credentials()
    try:
        holder = await waits.holder(shown.key)
    except (psycopg.Error, TimeoutError):
        raise store_away() from None
    fits = shown.secret is None or secret_fits(holder, shown.secret)
    if holder is None or not fits or not holder.is_valid(now):
        raise wrong_credentials()
    if not holder.is_active:
        raise input_off()
    return holder


def _new_batches(
    protocol: IntakeProtocol, endpoint: Endpoint, holder: KeyHolder, parts: Sequence[Part], now: datetime
) -> list[NewBatch]:
    return [_new_batch(protocol, endpoint, holder, part, now) for part in parts]


def _new_batch(protocol: IntakeProtocol, endpoint: Endpoint, holder: KeyHolder, part: Part, now: datetime) -> NewBatch:
    head = None if isinstance(part.head, BatchError) else part.head
    bucket = None if head is None else key_bucket(head, holder.workspace_id)
    if bucket is None:
        bucket = secrets.randbelow(BUCKETS)  # names nobody: any lane will do
    lane = lane_of_bucket(bucket, settings.CDP_LANES)
    encoding, body = bodies.pack(part.body)
    return NewBatch(
        bucket=lane,
        batch_id=time_ordered_id(now, lane),
        workspace_id=holder.workspace_id,
        input_id=holder.input_id,
        environment=Environment.PRODUCTION if head is None else head.environment,
        protocol=protocol.key,
        is_historical=endpoint.is_historical,
        received_at=now,
        event_count=part.head.event_count,
        encoding=encoding,
        body=body,
    )
