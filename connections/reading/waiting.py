"""On which connections an event has not been taken up yet, and why: told from the chunks of the outbox."""

from collections.abc import Collection
from typing import Any
from uuid import UUID

import msgspec
import zstandard
from django.db import connection

from cdp_project.kernel.multirange import positions_in
from connections.payload import unpack
from events.reasons import GATHERING, QUEUED
from events.selectors import EventView

NOWHERE, UNREADABLE = -1, -2

# The chunk that was filled last before the event comes first: mostly it is the one.
_COVERING = """
SELECT d.chunk_id, d.connection_id, d.is_gathering, d.positions, d.done
FROM delivery_lane l
CROSS JOIN LATERAL (
    SELECT * FROM outbox_delivery o
    WHERE o.bucket = l.bucket AND o.output_id = l.output_id AND o.is_open AND o.chunk_seq <= %(seq)s
    UNION ALL
    SELECT * FROM outbox_delivery o
    WHERE o.bucket = l.bucket AND o.output_id = l.output_id AND o.is_gathering AND o.chunk_seq <= %(seq)s
) AS d
JOIN outbox_chunk c ON c.bucket = d.bucket AND c.chunk_id = d.chunk_id AND c.last_seq >= %(seq)s
WHERE l.bucket = %(bucket)s AND d.connection_id = ANY(%(connections)s::bigint[])
ORDER BY d.chunk_seq DESC
"""
_PAYLOAD = "SELECT payload FROM outbox_chunk WHERE bucket = %s AND chunk_id = %s"


def waiting_on(event: EventView, lane: int, connection_ids: Collection[int]) -> dict[int, str]:
    """Those of the connections on which the event has not been taken up yet, each with why; "" is not known."""
    parameters: dict[str, Any] = {"bucket": lane, "seq": event.accept_seq, "connections": list(connection_ids)}
    with connection.cursor() as cursor:
        cursor.execute(_COVERING, parameters)
        rows: list[tuple[Any, ...]] = cursor.fetchall()
    places: dict[UUID, int] = {}
    waiting: dict[int, str] = {}
    for chunk_id, connection_id, is_gathering, positions, done in rows:
        if chunk_id not in places:
            places[chunk_id] = _place_in(lane, chunk_id, str(event.event_id))
        place = places[chunk_id]
        if place == UNREADABLE:
            # Not even whether the event is in it.
            waiting.setdefault(connection_id, "")
        elif place in set(positions_in(positions)) - set(positions_in(done)):
            waiting[connection_id] = GATHERING if is_gathering else QUEUED
        if len(waiting) == len(connection_ids):
            break
    return waiting


def _place_in(lane: int, chunk_id: UUID, event_id: str) -> int:
    """The event's position in a chunk, NOWHERE or UNREADABLE."""
    with connection.cursor() as cursor:
        cursor.execute(_PAYLOAD, [lane, chunk_id])
        row: tuple[Any, ...] | None = cursor.fetchone()
    try:
        batches, _ = unpack(bytes(row[0])) if row else ([], 0)
    except (zstandard.ZstdError, msgspec.MsgspecError):
        return UNREADABLE
    first = 0
    for stored in batches:
        for place, event in enumerate(stored.batch.events, first):
            if event.event_id == event_id:
                return place
        first += stored.item_count
    return NOWHERE
