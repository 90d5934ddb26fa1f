"""What a drain costs in places that do not depend on the machine's mood: buffers, WAL, statements, bytes on disk.

The pipeline runs in this process, so that its statements can be counted.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any
from unittest import mock

import psycopg

from cdp_project.kernel.database import Connection, connect
from events.models import Input
from events.processing.runner import Runner
from tests.benchmarks import counting
from tests.benchmarks.bodies import Bodies
from tests.benchmarks.cell import NoFigure
from tests.benchmarks.inbox_fill import fill

# Rows of these come and go.
QUEUES = ("inbox", "lane", "outbox_chunk", "outbox_delivery", "delivery_lane", "store_probe")
_BUFFERS = "SELECT blks_hit + blks_read FROM pg_stat_database WHERE datname = current_database()"
_WAL = "SELECT pg_wal_lsn_diff(pg_current_wal_lsn(), '0/0')::bigint"
_DISK = """
SELECT coalesce(sum({size}(c.oid)), 0)::bigint FROM pg_class c
WHERE c.relkind = 'r' AND c.relnamespace = current_schema()::regnamespace AND c.relname <> ALL (%s)
"""


@dataclass(frozen=True, slots=True)
class Cost:
    """For one event each, statements for one chunk."""

    buffers: float
    wal_bytes: float
    heap_bytes: float
    index_bytes: float
    statements: float
    chunk_events: float


def cost_of(source: Input, bodies: Bodies, batches: int) -> Cost:
    """Drain and compare; raises NoFigure when an event is missing."""
    fill(source, bodies, batches)
    stored, events = counting.stored(source), batches * bodies.events
    before = _look()
    with counted_statements() as seen:
        chunks = drain()
    after = _look()
    if counting.stored(source) - stored != events:
        raise NoFigure(f"not all of {events:,} events are stored")
    buffers, wal, heap, index = ((late - early) / events for early, late in zip(before, after, strict=True))
    return Cost(buffers, wal, heap, index, len(seen) / chunks, events / chunks)


def drain() -> int:
    """How many chunks it took."""
    runner, chunks = Runner(), 0
    while runner.turn():
        chunks += 1
    # What the server counted for a connection is in its statistics when that has ended.
    runner.close()
    return max(chunks, 1)


def _look() -> tuple[int, int, int, int]:
    with connect(autocommit=True, name="bench") as connection:
        return (
            counting.first_number(connection, _BUFFERS),
            counting.first_number(connection, _WAL),
            _disk(connection, "pg_table_size"),
            _disk(connection, "pg_indexes_size"),
        )


def _disk(connection: Connection, size: str) -> int:
    return counting.first_number(connection, _DISK.format(size=size), (list(QUEUES),))


@contextmanager
def counted_statements() -> Iterator[list[str]]:
    """Everything that this process has executed or copied in the block."""
    seen: list[str] = []

    def counted(name: str) -> Any:
        original = getattr(psycopg.Cursor, name)

        def noted(cursor: Any, *arguments: Any, **named: Any) -> Any:
            seen.append(name)
            return original(cursor, *arguments, **named)

        return mock.patch.object(psycopg.Cursor, name, noted)

    with counted("execute"), counted("copy"):
        yield seen
