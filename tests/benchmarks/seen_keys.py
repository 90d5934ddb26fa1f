"""What de-duplication costs when many ids are remembered: processing with empty generations and with full ones.

    python -m tests.benchmarks.seen_keys [--keys 30000000] [--batches 10000]

Fills the three generations before the current one, which every id is looked up in, and drops them afterwards. Uses
the database of the settings; where one of these generations exists already it stops rather than mix.
"""

import argparse
import os
import time

import django

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "cdp_project.settings")
django.setup()

from django.utils.crypto import get_random_string  # noqa: E402

from cdp_project.kernel import clock, partitions  # noqa: E402
from cdp_project.kernel.database import Connection, connect  # noqa: E402
from events.models import Input  # noqa: E402
from events.processing import duplicates  # noqa: E402
from events.processing.runner import Runner  # noqa: E402
from tests import factories  # noqa: E402
from tests.benchmarks import processing  # noqa: E402

# As the pipeline's own keys: sixteen bytes that look like chance, spread over all buckets.
_FILL = """
INSERT INTO {table} (bucket, generation, input_id, kind, key, body_hash)
SELECT (get_byte(key, 0) * 16 + get_byte(key, 1) / 16)::int2, {generation}, 1, 2, key, substring(key FOR 8)
FROM (SELECT substring(sha256(int8send(n)) FOR 16) AS key FROM generate_series({first}, {last}) AS n) AS made
"""


def older_generations() -> list[int]:
    """Those that ids are looked up in besides the current one."""
    return list(duplicates.older_generations(clock.now()))


def preload(connection: Connection, keys: int) -> None:
    """Make the older generations, with so many keys altogether; the index at last, which is quickest."""
    generations = older_generations()
    each = keys // len(generations)
    for place, generation in enumerate(generations):
        table = partitions.list_partition("seen", generation)
        if table in partitions.partitions_of(connection, "seen"):
            raise SystemExit(f"{table} exists: use a database without older keys.")
        connection.execute(f"CREATE TABLE {table} (LIKE seen INCLUDING DEFAULTS)".encode())
        first, last = place * each + 1, (place + 1) * each
        connection.execute(_FILL.format(table=table, generation=generation, first=first, last=last).encode())
        connection.execute(f"ALTER TABLE {table} ADD PRIMARY KEY (bucket, generation, input_id, kind, key)".encode())
        connection.execute(f"ALTER TABLE seen ATTACH PARTITION {table} FOR VALUES IN ({generation})".encode())
        connection.execute(f"ANALYZE {table}".encode())


def forget(connection: Connection) -> None:
    """Drop what `preload` made, also what it was making."""
    for generation in older_generations():
        connection.execute(f"DROP TABLE IF EXISTS {partitions.list_partition('seen', generation)}".encode())
    duplicates.older.forget()


def events_per_second(source: Input, batches: int) -> float:
    """Of one runner that drains batches of one event with ids of their own; a missing event is no figure."""
    with connect(autocommit=True) as connection:
        processing.fill(connection, source, batches, 1, batches)
        connection.execute("ANALYZE inbox")
    before, runner = processing.stored(source), Runner()
    began = time.perf_counter()
    runner.drain()
    seconds = time.perf_counter() - began
    runner.close()
    if processing.stored(source) - before != batches:
        raise SystemExit("Events are missing: no figure.")
    return batches / seconds


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--keys", type=int, default=30_000_000)
    parser.add_argument("--batches", type=int, default=10_000)
    options = parser.parse_args()
    source = factories.feed(factories.workspace(f"bench-{get_random_string(8).lower()}"))
    events_per_second(source, options.batches)
    without = events_per_second(source, options.batches)
    with connect(autocommit=True, name="bench") as connection:
        connection.execute("SET statement_timeout = 0")
        try:
            began = time.perf_counter()
            preload(connection, options.keys)
            print(f"{options.keys:,} keys made in {time.perf_counter() - began:.0f} s", flush=True)
            duplicates.older.forget()
            full = events_per_second(source, options.batches)
        finally:
            forget(connection)
    print(f"events/s: {without:,.0f} without, {full:,.0f} with {options.keys:,} keys: ratio {full / without:.3f}")


if __name__ == "__main__":
    main()
