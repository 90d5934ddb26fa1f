"""The outbox: payload chunks of one input and environment, and a row for each output that they go to."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from uuid import UUID, uuid4

from cdp_project.kernel import bulk, multirange
from cdp_project.kernel.database import Connection
from cdp_project.workspaces.environment import Environment
from connections.forward import Route
from connections.payload import OutboxBatch, encode_batch, pack

# Small enough that deliveries of one lane can run ahead by some chunks, large enough to cost little an event.
CHUNK_ITEMS_MOST = 500
KNOWN_MOST = 100_000
CHUNK_BYTES_MOST = 2_000_000

_CHUNK_COLUMNS = (
    "bucket",
    "chunk_id",
    "workspace_id",
    "environment",
    "input_id",
    "created_at",
    "item_count",
    "last_seq",
    "payload",
)
_DELIVERY_COLUMNS = (
    "bucket",
    "output_id",
    "chunk_id",
    "chunk_seq",
    "connection_id",
    "workspace_id",
    "environment",
    "config_version",
    "positions",
    "done",
    "item_count",
    "is_open",
    "is_gathering",
    "created_at",
)
_OPEN = """
UPDATE outbox_delivery d SET is_open = TRUE, is_gathering = FALSE
FROM unnest(%s::smallint[], %s::bigint[]) AS k (bucket, output_id)
WHERE d.bucket = k.bucket AND d.output_id = k.output_id AND d.is_gathering
"""


@dataclass(slots=True)
class NewChunk:
    """A chunk that is being filled. `positions` lists the items that go out, by connection id.

    `first_seq` and `last_seq` are the lowest and highest acceptance sequence of what is in it. One that
    `is_gathered` has been put together already, and goes out at once.
    """

    bucket: int
    workspace_id: int
    environment: Environment
    input_id: int
    first_seq: int
    last_seq: int = 0
    is_gathered: bool = False
    chunk_id: UUID = field(default_factory=uuid4)
    item_count: int = 0
    size: int = 0
    encoded: list[bytes] = field(default_factory=list)
    routes: dict[int, Route] = field(default_factory=dict)
    positions: dict[int, list[int]] = field(default_factory=dict)

    @property
    def is_full(self) -> bool:
        return self.item_count >= CHUNK_ITEMS_MOST or self.size >= CHUNK_BYTES_MOST

    def add(self, batch: OutboxBatch, takers: Sequence[Iterable[Route]]) -> None:
        """Append a batch; `takers` holds, for each of its items, the connections that it goes out on."""
        for position, routes in enumerate(takers, self.item_count):
            for route in routes:
                self.routes[route.connection_id] = route
                self.positions.setdefault(route.connection_id, []).append(position)
        encoded = encode_batch(batch)
        self.encoded.append(encoded)
        self.last_seq = max(self.last_seq, batch.seq)
        self.size += len(encoded)
        self.item_count += len(takers)


LaneRoute = tuple[int, int, int]
"""Bucket, output and version of the configuration."""


class Known:
    """Lanes of outputs that need no look any more, as long as the configuration stays: they have their row, and
    nothing waits in them that was gathered under an older one. What is noted has to be committed."""

    def __init__(self) -> None:
        self._routes: set[LaneRoute] = set()

    def unknown(self, routes: set[LaneRoute]) -> set[LaneRoute]:
        """Those that need a look."""
        return routes - self._routes

    def note(self, routes: set[LaneRoute]) -> None:
        """These have had it."""
        if len(self._routes) > KNOWN_MOST:
            self._routes.clear()
        self._routes |= routes


def lane_routes(chunks: Iterable[NewChunk]) -> set[LaneRoute]:
    """Where the chunks go."""
    return {
        (chunk.bucket, route.output_id, route.config_version) for chunk in chunks for route in chunk.routes.values()
    }


def write(connection: Connection, chunks: Sequence[NewChunk], now: datetime, unknown: set[LaneRoute]) -> None:
    """Store the chunks and what is to be delivered of them. Within the pipeline's transaction.

    `unknown` are those of their `lane_routes` that may lack a row, or have something gathered before.
    """
    bulk.copy(
        connection,
        "outbox_chunk",
        _CHUNK_COLUMNS,
        [
            (
                chunk.bucket,
                chunk.chunk_id,
                chunk.workspace_id,
                int(chunk.environment),
                chunk.input_id,
                now,
                chunk.item_count,
                chunk.last_seq,
                pack(chunk.encoded),
            )
            for chunk in chunks
        ],
    )
    _open_what_waits(connection, chunks, unknown)
    rows = [_delivery(chunk, route, now) for chunk in chunks for route in chunk.routes.values()]
    bulk.insert(connection, "outbox_delivery", _DELIVERY_COLUMNS, rows, key_width=2)
    lanes = {(bucket, output_id) for bucket, output_id, _ in unknown}
    bulk.insert(connection, "delivery_lane", ("bucket", "output_id"), lanes, tail="ON CONFLICT DO NOTHING", key_width=2)


def _open_what_waits(connection: Connection, chunks: Sequence[NewChunk], unknown: set[LaneRoute]) -> None:
    """What an output gathered before it was set to get everything at once goes before what it gets at once."""
    gathering = {route.output_id for chunk in chunks for route in chunk.routes.values() if route.gathers}
    at_once = {(bucket, output_id) for bucket, output_id, _ in unknown if output_id not in gathering}
    if at_once:
        connection.execute(_OPEN, [list(column) for column in zip(*sorted(at_once), strict=True)])


def _delivery(chunk: NewChunk, route: Route, now: datetime) -> tuple[object, ...]:
    positions = chunk.positions[route.connection_id]
    is_gathering = route.gathers and not chunk.is_gathered
    return (
        chunk.bucket,
        route.output_id,
        chunk.chunk_id,
        chunk.first_seq,
        route.connection_id,
        chunk.workspace_id,
        int(chunk.environment),
        route.config_version,
        multirange.text_of(positions),
        "{}",
        len(positions),
        not is_gathering,
        is_gathering,
        now,
    )
