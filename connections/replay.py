"""Try again what was given up: parked and refused items have another 72 hours, and the rows tell deliveries so.

All of them are due at once as items to be tried again; the loop that has the lane takes them up in the order of
acceptance, one at a time for each person, and holds the others back when the first of them fails. Rows and counters
change in one transaction.
"""

from collections import defaultdict
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

import msgspec
import structlog
import zstandard

from cdp_project.kernel import bulk
from cdp_project.kernel.database import Connection
from connections import verdicts
from connections.models import ItemState
from connections.parcels import refused_as
from connections.payload import unpack
from connections.reading.meaning import FITS, meaning_of
from connections.reading.own import Own
from connections.verdicts import FAILED, WAITING, Tally, report_hour_ms
from events.reasons import PARKED, RETRYING

log = structlog.get_logger(__name__)

# What one call takes: the hour of each event is read from its chunk's payload.
ITEMS_MOST, CHUNKS_MOST = 10_000, 500

_CHOICE = """
SELECT e.bucket, e.output_id, e.chunk_id, e.position
FROM delivery_lane l
CROSS JOIN LATERAL (
    SELECT * FROM delivery_exception d
    WHERE d.bucket = l.bucket AND d.output_id = l.output_id AND d.state = %(state)s
      AND d.environment = %(environment)s AND d.connection_id = ANY(%(connections)s::bigint[])
      AND {fits}
      AND (%(people)s::bigint[] IS NULL OR d.mpid = ANY(%(people)s::bigint[]))
      AND (%(events)s::uuid[] IS NULL OR d.event_id = ANY(%(events)s::uuid[]))
    ORDER BY d.last_at LIMIT %(most)s
) AS e
WHERE l.output_id = ANY(%(outputs)s::bigint[])
ORDER BY e.last_at, e.chunk_id, e.position LIMIT %(most)s
"""
_CHOSEN = _CHOICE.format(fits=FITS)
_PAYLOAD = "SELECT payload FROM outbox_chunk WHERE bucket = %s AND chunk_id = %s"
_AGAIN = """
UPDATE delivery_exception e SET state = %s, first_failed_at = %s, next_at = %s
FROM unnest(%s::smallint[], %s::bigint[], %s::uuid[], %s::int[]) AS k (bucket, output_id, chunk_id, position)
WHERE e.bucket = k.bucket AND e.output_id = k.output_id AND e.chunk_id = k.chunk_id AND e.position = k.position
"""
_KEY = (("bucket", "smallint"), ("output_id", "bigint"), ("chunk_id", "uuid"), ("position", "int"))

Item = tuple[int, int, UUID, int]
"""Bucket, output, chunk and position."""
Hours = dict[tuple[int, UUID], list[int | None]]
"""For each chunk the hour that each of its items is reported in; None for a batch without events."""


@dataclass(frozen=True, slots=True)
class Selection:
    """Which items are meant: of these connections, in this state; `reason` as `meaning_of` takes it.

    `people` are those of `event_ids`, where all of them are known: exceptions are found by person.
    """

    own: Own
    state: ItemState
    reason: str | None = None
    event_ids: Sequence[UUID] | None = None
    people: Collection[int] | None = None


@dataclass(frozen=True, slots=True)
class Taken:
    """How many items go again, and whether more of the selection are left for another call."""

    items: int
    is_more: bool


def retry(connection: Connection, selection: Selection, now: datetime) -> Taken:
    """Let parked or failed items be tried again from now on. Within a transaction; wake deliveries after it."""
    items, is_more = _choose(connection, selection)
    hours = _hours(connection, {(bucket, chunk_id) for bucket, _, chunk_id, _ in items})
    columns = ("state", "reason", "connection_id", "environment")
    locked = bulk.lookup(connection, "delivery_exception", _KEY, items, columns, lock=True)
    # Of two who want the same, the second finds it in another state.
    kept = [(key, *rest) for key, (state, *rest) in locked if state == selection.state and (key[0], key[2]) in hours]
    if kept:
        keys = [list(column) for column in zip(*(key for key, *_ in kept), strict=True)]
        connection.execute(_AGAIN, [ItemState.RETRYING, now, now, *keys])
        verdicts.write(connection, _moved(kept, hours, selection.state))
    return Taken(len(kept), is_more)


def _choose(connection: Connection, selection: Selection) -> tuple[list[Item], bool]:
    """The items whose last fault is the oldest, of so many chunks at most."""
    found: list[tuple[Any, ...]] = connection.execute(_CHOSEN, _parameters(selection)).fetchall()
    by_chunk: defaultdict[tuple[int, UUID], list[Item]] = defaultdict(list)
    for bucket, output_id, chunk_id, position in found[:ITEMS_MOST]:
        by_chunk[bucket, chunk_id].append((bucket, output_id, chunk_id, position))
    chosen = [item for items in list(by_chunk.values())[:CHUNKS_MOST] for item in items]
    return chosen, len(chosen) < len(found)


def _parameters(selection: Selection) -> dict[str, Any]:
    return {
        "state": selection.state,
        "environment": int(selection.own.environment),
        "connections": selection.own.connection_ids,
        "outputs": selection.own.output_ids,
        "people": None if selection.people is None else sorted(selection.people),
        "events": None if selection.event_ids is None else list(selection.event_ids),
        "most": ITEMS_MOST + 1,
        **meaning_of(selection.reason).parameters,
    }


def _hours(connection: Connection, chunks: Iterable[tuple[int, UUID]]) -> Hours:
    """Read one payload after the other: together they may be large. What cannot be read is left where it is."""
    found: Hours = {}
    for bucket, chunk_id in sorted(chunks):
        row: tuple[Any, ...] | None = connection.execute(_PAYLOAD, (bucket, chunk_id)).fetchone()
        try:
            if row is not None:
                found[bucket, chunk_id] = _hours_in(bytes(row[0]))
        except (zstandard.ZstdError, msgspec.MsgspecError) as error:
            log.error("a payload of the outbox cannot be read", chunk=str(chunk_id), error=str(error))  # noqa: TRY400
    return found


def _hours_in(payload: bytes) -> list[int | None]:
    batches, _ = unpack(payload)
    return [
        None if event is None else report_hour_ms(event.occurred_at_ms, stored.batch.received_at_ms)
        for stored in batches
        for event in stored.batch.events or (None,)
    ]


def _moved(kept: Iterable[tuple[Any, ...]], hours: Hours, state: ItemState) -> Tally:
    """From failed to waiting, each event in its hour."""
    tally = Tally()
    for (bucket, _, chunk_id, position), fault, connection_id, environment in kept:
        hour_ms = hours[bucket, chunk_id][position]
        if hour_ms is not None:
            where = bucket, connection_id, environment, hour_ms
            tally[*where, FAILED, PARKED if state is ItemState.PARKED else refused_as(fault)] -= 1
            tally[*where, WAITING, RETRYING] += 1
    return tally
