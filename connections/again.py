"""Read the items whose turn has come again: those that are due, and what waits behind what is through."""

from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from cdp_project.kernel.database import Connection
from connections.claim import Payloads
from connections.lane_work import Key, LaneWork
from connections.models import ItemState
from connections.parcels import Origin, Parcel, parcels_of
from connections.payload import OutboxBatch

States = dict[int, tuple[Any, ...]]
"""By position: state, attempts, first failure, fault and time of it."""

PEOPLE_MOST = 200
# More than a chunk can hold, so that a parcel's items are never read in part.
EXCEPTIONS_MOST = 5000
# Many chunks may hold one item each: so many are unpacked at once, until so much JSON is read.
CHUNKS_AT_ONCE, BYTES_MOST = 10, 8_000_000

_DUE = """
SELECT mpid FROM delivery_exception
WHERE bucket = %s AND output_id = %s AND next_at <= %s AND NOT mpid = ANY(%s::bigint[])
ORDER BY next_at LIMIT %s
"""
# 1 is retrying and 2 is held, as in connections.claim.
_AGAIN = """
SELECT e.chunk_id, d.chunk_seq, d.connection_id, d.environment, d.created_at, e.position,
       e.state, e.attempts, e.first_failed_at, e.reason, e.last_at
FROM delivery_exception e
JOIN outbox_delivery d ON d.bucket = e.bucket AND d.output_id = e.output_id AND d.chunk_id = e.chunk_id
WHERE e.bucket = %(bucket)s AND e.output_id = %(output)s AND e.state IN (1, 2)
  AND (e.mpid = ANY(%(released)s::bigint[]) OR (e.mpid = ANY(%(due)s::bigint[]) AND e.next_at <= %(now)s))
ORDER BY d.chunk_seq, e.chunk_id, e.position LIMIT %(most)s
"""


@dataclass(frozen=True, slots=True)
class Turns:
    """People of a lane whose turn has come: of the released everything that waits, of the others what is due."""

    key: Key
    released: set[int]
    due: set[int]
    now: datetime


def due_people(connection: Connection, lane: LaneWork, now: datetime) -> set[int]:
    """People of a lane whose retry is due and not in hand yet."""
    in_hand = [mpid for mpid in lane.people.blocked if lane.people.has(mpid)]
    rows = connection.execute(_DUE, (*lane.key, now, in_hand, PEOPLE_MOST)).fetchall()
    return {int(str(mpid)) for (mpid,) in rows}


def waiting_again(
    connection: Connection, turns: Turns, payloads: Payloads, events_per_parcel: int
) -> tuple[list[Parcel], bool]:
    """The items of these people whose turn has come, oldest first, and whether these are all."""
    key = turns.key
    parameters = {
        "bucket": key[0],
        "output": key[1],
        "released": list(turns.released),
        "due": list(turns.due),
        "now": turns.now,
        "most": EXCEPTIONS_MOST,
    }
    rows: list[tuple[Any, ...]] = connection.execute(_AGAIN, parameters).fetchall()
    by_chunk: defaultdict[Origin, States] = defaultdict(dict)
    for *origin, position, state, attempts, first_failed_at, fault, last_at in rows:
        by_chunk[Origin(*key, *origin)][position] = state, attempts, first_failed_at, fault, last_at
    is_all = len(rows) < EXCEPTIONS_MOST
    if not is_all:
        # The last chunk may have been read in part.
        by_chunk.popitem()
    parcels, is_read = _unpacked_again(connection, by_chunk, payloads, events_per_parcel)
    return parcels, is_all and is_read


def _unpacked_again(
    connection: Connection, by_chunk: Mapping[Origin, States], payloads: Payloads, events_per_parcel: int
) -> tuple[list[Parcel], bool]:
    """The parcels of these items, and whether all of them could be had."""
    origins, size, unread = list(by_chunk), 0, 0
    parcels: list[Parcel] = []
    for start in range(0, len(origins), CHUNKS_AT_ONCE):
        if size > BYTES_MOST:
            return parcels, False
        some = origins[start : start + CHUNKS_AT_ONCE]
        found = payloads.get(connection, {(origin.bucket, origin.chunk_id) for origin in some})
        unread += len(some) - len(found)
        size += sum(payload.size for payload in found.values())
        for origin in some:
            if (payload := found.get(origin.chunk_id)) is not None:
                parcels += _parcels_again(origin, by_chunk[origin], payload.batches, events_per_parcel)
    return parcels, not unread


def _parcels_again(
    origin: Origin, states: States, batches: list[OutboxBatch], events_per_parcel: int
) -> Iterator[Parcel]:
    for parcel in parcels_of(origin, batches, states.keys(), events_per_parcel):
        if len({states[position][0] for position in parcel.positions}) > 1:
            # The settings that put events together have changed in between.
            yield from _parcels_again(origin, {p: states[p] for p in parcel.positions}, batches, 1)
            continue
        state, parcel.attempts, parcel.first_failed_at, parcel.last_fault, parcel.last_at = states[parcel.positions[0]]
        if state == ItemState.HELD and not parcel.attempts:
            # Its row says since when it is held back; its 72 hours begin with its own first failure.
            parcel.first_failed_at = None
        parcel.state = ItemState(state)
        yield parcel
