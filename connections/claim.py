"""Read what is to be delivered: open deliveries with their payloads, and who is blocked by what is tried again."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID
from weakref import WeakValueDictionary

import msgspec
import structlog
import zstandard

from cdp_project.kernel.database import Connection
from cdp_project.kernel.multirange import positions_in
from connections.lane_work import Key, LaneWork
from connections.parcels import Origin
from connections.payload import HEADER_BYTES, OutboxBatch, json_bytes, unpack
from connections.room import CHUNKS_MOST, Room

ChunkKey = tuple[int, UUID]
"""Bucket and chunk id."""

log = structlog.get_logger(__name__)


@dataclass(eq=False)
class Payload:
    """An unpacked chunk; `size` is that of its JSON."""

    batches: list[OutboxBatch]
    size: int


@dataclass(frozen=True, slots=True)
class Delivery:
    """An open row of the outbox. `positions` None means all items; those in `done` need no sending."""

    origin: Origin
    positions: frozenset[int] | None
    done: frozenset[int]
    payload: Payload


@dataclass(frozen=True, slots=True)
class Found:
    """Deliveries in order for each lane, and the lanes that have some, also those for which there was no room now."""

    deliveries: Sequence[Delivery] = ()
    lanes: frozenset[Key] = frozenset()


_DELIVERIES = """
SELECT d.bucket, d.output_id, d.chunk_id, d.chunk_seq, d.connection_id, d.environment, d.created_at,
       CASE WHEN d.item_count < c.item_count THEN d.positions END, d.done,
       d.item_count, substring(c.payload FOR %s)
FROM unnest(%s::smallint[], %s::bigint[], %s::int[]) AS w (bucket, output_id, most)
CROSS JOIN LATERAL (SELECT * FROM outbox_delivery o
                    WHERE o.bucket = w.bucket AND o.output_id = w.output_id AND o.is_open
                    ORDER BY o.chunk_seq LIMIT w.most) AS d
JOIN outbox_chunk c ON c.bucket = d.bucket AND c.chunk_id = d.chunk_id
ORDER BY d.bucket, d.output_id, d.chunk_seq
"""
_PAYLOADS = """
SELECT c.chunk_id, c.payload FROM unnest(%s::smallint[], %s::uuid[]) AS k (bucket, chunk_id)
JOIN outbox_chunk c ON c.bucket = k.bucket AND c.chunk_id = k.chunk_id
"""
# 1 is retrying and 2 is held: with parameters in their place the server would not use the index of what waits.
_BLOCKED = """
SELECT mpid, bool_or(state = 1) FROM delivery_exception
WHERE bucket = %s AND output_id = %s AND state IN (1, 2)
GROUP BY mpid
"""


class Payloads:
    """Unpacked chunks, each kept as long as somebody has it in hand: outputs that get the same share one copy.

    What cannot be unpacked is told once and left out: it waits for people, and nothing else waits for it.
    """

    def __init__(self) -> None:
        self._in_hand: WeakValueDictionary[UUID, Payload] = WeakValueDictionary()
        self.unreadable: set[UUID] = set()

    @property
    def bytes_in_hand(self) -> int:
        """The size of the JSON of all of them."""
        return sum(payload.size for payload in self._in_hand.values())

    def get(self, connection: Connection, chunks: Collection[ChunkKey]) -> dict[UUID, Payload]:
        """The payloads of chunks, by chunk id; those that cannot be had are left out."""
        found = {chunk_id: held for _, chunk_id in chunks if (held := self._in_hand.get(chunk_id)) is not None}
        missing = sorted({key for key in chunks if key[1] not in found and key[1] not in self.unreadable})
        if missing:
            parameters = [list(column) for column in zip(*missing, strict=True)]
            rows: list[tuple[Any, ...]] = connection.execute(_PAYLOADS, parameters, binary=True).fetchall()
            for chunk_id, packed in rows:
                if (payload := self._unpacked(chunk_id, packed)) is not None:
                    found[chunk_id] = self._in_hand[chunk_id] = payload
        return found

    def _unpacked(self, chunk_id: UUID, packed: bytes) -> Payload | None:
        try:
            return Payload(*unpack(packed))
        except (zstandard.ZstdError, msgspec.MsgspecError) as error:
            log.error("a payload of the outbox cannot be read", chunk=str(chunk_id), error=str(error))  # noqa: TRY400
            self.unreadable.add(chunk_id)
            return None


def open_deliveries(connection: Connection, rooms: Mapping[LaneWork, Room], payloads: Payloads) -> Found:
    """The next deliveries of these lanes that they have not in hand, as many as there is room for."""
    keys = [lane.key for lane in rooms]
    most = [len(lane.consignments) + len(payloads.unreadable) + CHUNKS_MOST for lane in rooms]
    parameters = (HEADER_BYTES, [bucket for bucket, _ in keys], [output for _, output in keys], most)
    rows: list[tuple[Any, ...]] = connection.execute(_DELIVERIES, parameters).fetchall()
    in_hand = {lane.key: lane.consignments for lane in rooms}
    new = [row for row in rows if row[2] not in in_hand[row[0], row[1]] and row[2] not in payloads.unreadable]
    by_key = {lane.key: room for lane, room in rooms.items()}
    fitting = [row for row in new if by_key[row[0], row[1]].takes(row[-2], json_bytes(bytes(row[-1])))]
    found = payloads.get(connection, {(row[0], row[2]) for row in fitting})
    deliveries = [_delivery(row[:-2], found[row[2]]) for row in fitting if row[2] in found]
    return Found(deliveries, frozenset((row[0], row[1]) for row in new))


def _delivery(row: tuple[Any, ...], payload: Payload) -> Delivery:
    *origin, meant, done = row
    positions = None if meant is None else frozenset(positions_in(meant))
    return Delivery(Origin(*origin), positions, frozenset(positions_in(done)), payload)


def blocked_people(connection: Connection, key: Key) -> dict[int, bool]:
    """People of a lane with items to be tried again or held back; False for those with held ones only."""
    rows: list[tuple[Any, ...]] = connection.execute(_BLOCKED, key).fetchall()
    return dict(rows)
