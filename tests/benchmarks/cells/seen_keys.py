"""De-duplication with many ids remembered: a drain with the older generations empty, and with them full."""

from collections.abc import Iterator
from functools import partial

from cdp_project.kernel import clock, partitions
from cdp_project.kernel.database import Connection, connect
from events.processing import duplicates
from tests.benchmarks.bodies import Bodies
from tests.benchmarks.cell import Cell, Figure, NoFigure, or_why
from tests.benchmarks.draining import drain
from tests.benchmarks.shops import place
from tests.benchmarks.stack import Stack
from tests.benchmarks.targets import least

KEYS, BATCHES, WARM_BATCHES = 10_000_000, 15_000, 2_000
# As the pipeline's own keys: sixteen bytes that look like chance, spread over all buckets.
_FILL = """
INSERT INTO {table} (bucket, generation, input_id, kind, key, body_hash)
SELECT (get_byte(key, 0) * 16 + get_byte(key, 1) / 16)::int2, {generation}, 1, 2, key, substring(key FOR 8)
FROM (SELECT substring(sha256(int8send(n)) FOR 16) AS key FROM generate_series({first}, {last}) AS n) AS made
"""


def run(stack: Stack) -> Iterator[Figure]:
    yield from or_why("with many ids : without", "ratio", partial(measured, stack))


def measured(stack: Stack) -> Iterator[Figure]:
    """Both rates and their ratio; what was filled in is dropped again."""
    keys = stack.size.rows(KEYS)
    without = events_per_second(stack)
    with connect(autocommit=True, name="bench") as connection:
        connection.execute("SET statement_timeout = 0")
        try:
            preload(connection, keys)
            full = events_per_second(stack)
        finally:
            forget(connection)
    yield Figure("without ids remembered", without, "events/s")
    yield Figure(f"with {keys:,} ids", full, "events/s")
    yield Figure("with many ids : without", full / without, "ratio", least(0.9))


def events_per_second(stack: Stack) -> float:
    """Of one process that begins anew, so that it knows which generations there are; ids of their own."""
    with stack.running("pipeline") as running:
        source, batches = place().source, stack.size.batches(BATCHES)
        drain(running, source, Bodies(1, batches), stack.size.batches(WARM_BATCHES))
        return drain(running, source, Bodies(1, batches), batches).per_second


def preload(connection: Connection, keys: int) -> None:
    """Make the older generations, with so many keys altogether; the index at last, which is quickest."""
    generations = list(duplicates.older_generations(clock.now()))
    each = keys // len(generations)
    for place_, generation in enumerate(generations):
        table = partitions.list_partition("seen", generation)
        if table in partitions.partitions_of(connection, "seen"):
            raise NoFigure(f"{table} exists")
        connection.execute(f"CREATE TABLE {table} (LIKE seen INCLUDING DEFAULTS)".encode())
        first, last = place_ * each + 1, (place_ + 1) * each
        connection.execute(_FILL.format(table=table, generation=generation, first=first, last=last).encode())
        connection.execute(f"ALTER TABLE {table} ADD PRIMARY KEY (bucket, generation, input_id, kind, key)".encode())
        connection.execute(f"ALTER TABLE seen ATTACH PARTITION {table} FOR VALUES IN ({generation})".encode())
        connection.execute(f"ANALYZE {table}".encode())


def forget(connection: Connection) -> None:
    """Drop what `preload` made, also what it was making."""
    for generation in duplicates.older_generations(clock.now()):
        connection.execute(f"DROP TABLE IF EXISTS {partitions.list_partition('seen', generation)}".encode())


CELL = Cell(
    "seen_keys",
    "processed events a second while the ids of a month are remembered",
    "events/s",
    run,
    aim="with 10 M ids at least nine tenths of the rate without",
    order=60,
    rounds_most=1,
)
