"""Claims on rows: one process at a time, rescued when they end."""

import threading
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from uuid import UUID

import psycopg
import pytest

from cdp_project.kernel.database import Connection, connect
from cdp_project.kernel.queue import LeasedRows
from connections.models import DeliveryLane
from tests.product import eventually

NOW = datetime(2026, 11, 23, 10, 0, tzinfo=UTC)
LEASE = timedelta(seconds=10)
ROWS = LeasedRows("delivery_lane", (("bucket", "smallint"), ("output_id", "bigint")), LEASE)
ANN, BOB = UUID(int=1), UUID(int=2)
KEYS = [(0, 1), (0, 2), (256, 1)]


@pytest.fixture
def database(transactional_db: None) -> Iterator[Connection]:
    for bucket, output_id in KEYS:
        DeliveryLane.objects.create(bucket=bucket, output_id=output_id)
    with connect(autocommit=True) as database:
        yield database


def test_a_claimed_row_is_nobody_elses(database: Connection) -> None:
    assert sorted(ROWS.claim(database, KEYS[:2], ANN, NOW)) == KEYS[:2]
    assert ROWS.claim(database, KEYS, BOB, NOW) == [(256, 1)]
    assert sorted(ROWS.claim(database, KEYS, ANN, NOW)) == KEYS[:2]


def test_a_row_that_was_given_back_is_free(database: Connection) -> None:
    ROWS.claim(database, KEYS, ANN, NOW)
    ROWS.finish(database, [(0, 1)], ANN)
    ROWS.finish(database, [(0, 2)], BOB)
    assert ROWS.claim(database, KEYS, BOB, NOW) == [(0, 1)]


def test_what_a_dead_process_left_is_rescued(database: Connection) -> None:
    ROWS.claim(database, KEYS, ANN, NOW)
    assert ROWS.claim(database, KEYS, BOB, NOW + LEASE - timedelta(seconds=1)) == []
    assert sorted(ROWS.claim(database, KEYS, BOB, NOW + LEASE)) == KEYS
    assert ROWS.keep(database, KEYS, ANN, NOW + LEASE) == []


def test_a_row_that_is_kept_lasts_longer(database: Connection) -> None:
    ROWS.claim(database, KEYS, ANN, NOW)
    assert sorted(ROWS.keep(database, KEYS, ANN, NOW + LEASE / 2)) == KEYS
    assert ROWS.claim(database, KEYS, BOB, NOW + LEASE) == []


def test_nothing_is_asked_for_no_rows(database: Connection) -> None:
    assert ROWS.claim(database, [], ANN, NOW) == []


Change = Callable[[Connection, list[tuple[int, int]]], object]
CHANGES: dict[str, Change] = {
    "claim": lambda database, keys: ROWS.claim(database, keys, ANN, NOW),
    "keep": lambda database, keys: ROWS.keep(database, keys, ANN, NOW),
    "finish": lambda database, keys: ROWS.finish(database, keys, ANN),
}


@pytest.mark.parametrize("change", CHANGES.values(), ids=CHANGES)
def test_rows_are_locked_in_the_order_of_their_keys(database: Connection, change: Change) -> None:
    """Rows are laid down backwards, and few of them are asked for, so that the cheapest join meets the last first."""
    keys = [(bucket, 7) for bucket in range(400)]
    asked = keys[::4]
    DeliveryLane.objects.bulk_create(
        DeliveryLane(bucket=bucket, output_id=output_id, lease_holder=ANN, leased_until=NOW + LEASE)
        for bucket, output_id in reversed(keys)
    )
    database.execute("ANALYZE delivery_lane")

    with connect() as blocker, connect() as other:
        lock(blocker, 200)
        worker = threading.Thread(target=change, args=(other, asked))
        worker.start()
        eventually(lambda: waits(database, other), bool)
        free = [bucket for bucket, _ in asked if bucket != 200 and is_free(database, bucket)]
        blocker.rollback()
        worker.join(30)

    assert free == list(range(204, 400, 4))


def lock(connection: Connection, bucket: int) -> None:
    connection.execute("SELECT 1 FROM delivery_lane WHERE bucket = %s AND output_id = 7 FOR UPDATE NOWAIT", (bucket,))


def is_free(database: Connection, bucket: int) -> bool:
    try:
        with database.transaction(force_rollback=True):
            lock(database, bucket)
    except psycopg.errors.LockNotAvailable:
        return False
    return True


def waits(database: Connection, other: Connection) -> bool:
    pid = other.info.backend_pid
    return database.execute("SELECT 1 FROM pg_locks WHERE pid = %s AND NOT granted", (pid,)).fetchone() is not None
