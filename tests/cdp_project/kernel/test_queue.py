"""Claims on rows: one process at a time, rescued when they end."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest

from cdp_project.kernel.database import Connection, connect
from cdp_project.kernel.queue import LeasedRows
from connections.models import DeliveryLane

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
