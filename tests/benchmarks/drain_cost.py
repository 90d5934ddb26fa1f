"""What a drain costs in places that do not depend on the machine's mood: buffers, WAL, statements, bytes on disk.

The pipeline runs in this process, so that its statements can be counted.
"""

import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any
from unittest import mock

import psycopg

from cdp_project.kernel.database import connect
from events.models import Input
from events.processing.runner import Runner
from tests.benchmarks import counting
from tests.benchmarks.bodies import Bodies
from tests.benchmarks.cell import NoFigure
from tests.benchmarks.inbox_fill import fill

# Rows of these come and go.
QUEUES = ("inbox", "lane", "outbox_chunk", "outbox_delivery", "delivery_lane", "store_probe")
# Without what the server's own processes do meanwhile.
_BUFFERS = """
SELECT (sum(hits) + sum(read_bytes) / 8192)::bigint FROM pg_stat_io
WHERE backend_type = 'client backend' AND object <> 'wal'
"""
_WAL = "SELECT pg_wal_lsn_diff(pg_current_wal_lsn(), '0/0')::bigint"
# By table, those of all days and generations together.
_DISK = """
SELECT regexp_replace(c.relname, '_[0-9]+$', ''), sum(pg_table_size(c.oid))::bigint, sum(pg_indexes_size(c.oid))::bigint
FROM pg_class c
WHERE c.relkind = 'r' AND c.relnamespace = current_schema()::regnamespace AND c.relname <> ALL (%s) GROUP BY 1
"""


@dataclass(frozen=True, slots=True)
class Look:
    """What the server has counted so far; bytes of tables without and of their indexes, by table."""

    buffers: int
    wal_bytes: int
    tables: Counter[str]
    indexes: Counter[str]


@dataclass(frozen=True, slots=True)
class Cost:
    """For one event each, statements for one chunk; `per_second` events, by the clock."""

    buffers: float
    wal_bytes: float
    tables: dict[str, float]
    indexes: dict[str, float]
    statements: float
    chunk_events: float
    per_second: float


def cost_of(source: Input, bodies: Bodies, batches: int) -> Cost:
    """Drain and compare; raises NoFigure when an event is missing."""
    fill(source, bodies, batches)
    stored, events = counting.stored(source), batches * bodies.events
    before = look()
    began = time.perf_counter()
    with counted_statements() as seen:
        chunks = drain()
    seconds = time.perf_counter() - began
    after = look()
    if counting.stored(source) - stored != events:
        raise NoFigure(f"not all of {events:,} events are stored")
    return Cost(
        (after.buffers - before.buffers) / events,
        (after.wal_bytes - before.wal_bytes) / events,
        {name: count / events for name, count in (after.tables - before.tables).most_common()},
        {name: count / events for name, count in (after.indexes - before.indexes).most_common()},
        len(seen) / chunks,
        events / chunks,
        events / seconds,
    )


def drain() -> int:
    """How many chunks it took."""
    runner, chunks = Runner(), 0
    while runner.turn():
        chunks += 1
    # What the server counted for a connection is in its statistics when that has ended.
    runner.close()
    return max(chunks, 1)


def look() -> Look:
    """At this moment."""
    with connect(autocommit=True, name="bench") as connection:
        sizes: list[tuple[str, int, int]] = connection.execute(_DISK, (list(QUEUES),)).fetchall()  # type: ignore[assignment]
        return Look(
            counting.first_number(connection, _BUFFERS),
            counting.first_number(connection, _WAL),
            Counter({name: size for name, size, _ in sizes}),
            Counter({name: size for name, _, size in sizes}),
        )


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
