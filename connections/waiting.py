"""Read what is being gathered, within bounds: deliveries of one line, locked, and the items in them."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple
from uuid import UUID

import msgspec
import structlog
import zstandard
from psycopg.types.multirange import Multirange

from cdp_project.kernel.database import Connection
from cdp_project.kernel.multirange import positions_in
from connections.gathering import Waiting
from connections.payload import HEADER_BYTES, OutboxBatch, json_bytes, unpack

log = structlog.get_logger(__name__)

# More than this of one line is not kept waiting: it goes out in smaller batches.
ROWS_MOST = 5000
ITEMS_MOST = 20_000
JSON_BYTES_MOST = 32_000_000
PAYLOADS_AT_ONCE = 50


class Line(NamedTuple):
    """Whose items are gathered together: those of one connection and environment in one lane."""

    bucket: int
    output_id: int
    connection_id: int
    environment: int


@dataclass(frozen=True, slots=True)
class Row:
    """A delivery that is being gathered."""

    chunk_id: UUID
    positions: frozenset[int]
    workspace_id: int
    config_version: int


_LINES = """
SELECT DISTINCT bucket, output_id, connection_id, environment FROM outbox_delivery WHERE bucket = %s AND is_gathering
"""
# Nobody else locks them but another run: that one has the line in hand then.
_ROWS = """
SELECT d.chunk_id, d.positions, d.workspace_id, d.config_version, d.item_count, substring(c.payload FOR %s)
FROM outbox_delivery d JOIN outbox_chunk c ON c.bucket = d.bucket AND c.chunk_id = d.chunk_id
WHERE d.bucket = %s AND d.output_id = %s AND d.connection_id = %s AND d.environment = %s AND d.is_gathering
ORDER BY d.chunk_seq, d.chunk_id LIMIT %s FOR UPDATE OF d NOWAIT
"""
_PAYLOADS = "SELECT chunk_id, payload FROM outbox_chunk WHERE bucket = %s AND chunk_id = ANY(%s::uuid[])"


def lines(connection: Connection, bucket: int) -> list[Line]:
    """The lines of a lane in which something waits."""
    rows: list[tuple[Any, ...]] = connection.execute(_LINES, (bucket,)).fetchall()
    return [Line(*row) for row in rows]


def lock_rows(connection: Connection, line: Line) -> tuple[list[Row], bool]:
    """The line's first deliveries, held until the transaction ends, and whether there are more than these.

    Raises psycopg.errors.LockNotAvailable when another run has them in hand.
    """
    found: list[tuple[Any, ...]] = connection.execute(_ROWS, (HEADER_BYTES, *line, ROWS_MOST)).fetchall()
    rows: list[Row] = []
    items = size = 0
    for chunk_id, positions, workspace_id, config_version, item_count, header in found:
        items += item_count
        size += json_bytes(bytes(header))
        if rows and (items > ITEMS_MOST or size > JSON_BYTES_MOST):
            return rows, True
        rows.append(Row(chunk_id, _set_of(positions), workspace_id, config_version))
    return rows, len(found) == ROWS_MOST


def _set_of(positions: Multirange[int]) -> frozenset[int]:
    return frozenset(positions_in(positions))


def items_of(connection: Connection, bucket: int, rows: Sequence[Row]) -> list[Waiting]:
    """What waits in these deliveries, in order of acceptance."""
    places = {row.chunk_id: place for place, row in enumerate(rows)}
    found: list[Waiting] = []
    for start in range(0, len(rows), PAYLOADS_AT_ONCE):
        chunks = [row.chunk_id for row in rows[start : start + PAYLOADS_AT_ONCE]]
        payloads: list[tuple[Any, ...]] = connection.execute(_PAYLOADS, (bucket, chunks), binary=True).fetchall()
        for chunk_id, packed in payloads:
            place = places[chunk_id]
            found.extend(_items(place, rows[place].positions, _unpacked(chunk_id, packed)))
    return sorted(found, key=lambda each: (each.seq, each.row, each.position))


def _unpacked(chunk_id: UUID, packed: bytes) -> list[OutboxBatch]:
    try:
        return unpack(packed)[0]
    except (zstandard.ZstdError, msgspec.MsgspecError) as error:
        # It waits for people; nothing else waits for it.
        log.error("a payload of the outbox cannot be read", chunk=str(chunk_id), error=str(error))  # noqa: TRY400
        return []


def _items(place: int, positions: frozenset[int], batches: Sequence[OutboxBatch]) -> Iterator[Waiting]:
    position = 0
    for stored in batches:
        for event in stored.batch.events or (None,):
            if position in positions:
                yield Waiting(place, position, stored.seq, stored.batch, event)
            position += 1
