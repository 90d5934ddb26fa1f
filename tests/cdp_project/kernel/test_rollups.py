"""Counts move from partial rows to hours once, and whoever reads both never misses one or sees it twice."""

import threading
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest

from cdp_project.kernel import bulk, rollups
from cdp_project.kernel.buckets import bucket_of_number
from cdp_project.kernel.database import Connection, connect
from cdp_project.kernel.rollups import Rollup, compact
from cdp_project.kernel.used_buckets import used_buckets

NOW = datetime(2035, 5, 5, 12, 30, tzinfo=UTC)
OLD, YOUNG = datetime(2035, 5, 5, 10, tzinfo=UTC), datetime(2035, 5, 5, 11, tzinfo=UTC)
SHOP = 4096 + 7
SUM = (
    b"SELECT coalesce(sum(count), 0)::bigint FROM (SELECT count FROM part UNION ALL SELECT count FROM whole) AS both_of"
)

ROLLUP = Rollup("part", "whole", ("shop_id", "hour", "label"), owner="shop_id")


@pytest.fixture
def connection(transactional_db: None) -> Iterator[Connection]:
    with connect(autocommit=True) as opened:
        for table in ("part", "whole"):
            opened.execute(
                f"CREATE TABLE {table} (bucket smallint, shop_id bigint, hour timestamptz, label text, count bigint, "
                "PRIMARY KEY (bucket, shop_id, hour, label))".encode()
            )
        yield opened
        opened.execute("DROP TABLE part, whole")


def add(connection: Connection, bucket: int, hour: datetime, label: str, count: int) -> None:
    rollups.add(connection, ROLLUP, [(bucket, SHOP, hour, label, count)])


def total(connection: Connection) -> int:
    row = connection.execute(SUM).fetchone()
    assert row is not None
    return int(str(row[0]))


def rows(connection: Connection, table: str) -> list[tuple[object, ...]]:
    return connection.execute(f"SELECT bucket, hour, label, count FROM {table} ORDER BY 1, 2, 3".encode()).fetchall()


def test_rows_of_old_hours_become_one_at_their_owner(connection: Connection) -> None:
    for bucket in (0, 256, 4095):
        add(connection, bucket, OLD, "a", 2)
    add(connection, 0, OLD, "b", 1)
    add(connection, 0, YOUNG, "a", 5)

    assert compact(connection, ROLLUP, NOW) == 4
    assert rows(connection, "whole") == [(bucket_of_number(SHOP), OLD, "a", 6), (bucket_of_number(SHOP), OLD, "b", 1)]
    assert rows(connection, "part") == [(0, YOUNG, "a", 5)]
    assert compact(connection, ROLLUP, NOW) == 0


def test_what_comes_late_is_added(connection: Connection) -> None:
    for _ in range(3):
        add(connection, 0, OLD, "a", 2)
        assert compact(connection, ROLLUP, NOW) == 1

    assert [row[-1] for row in rows(connection, "whole")] == [6]
    assert rows(connection, "part") == []


def test_many_rows_move_piece_by_piece(connection: Connection, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rollups, "ROWS_MOST", 3)
    for number in range(10):
        add(connection, 0, OLD, f"label {number}", 1)

    assert compact(connection, ROLLUP, NOW) == 10
    assert total(connection) == len(rows(connection, "whole")) == 10


def test_a_row_in_use_is_left_for_the_next_time(connection: Connection) -> None:
    add(connection, 0, OLD, "a", 1)
    add(connection, 0, OLD, "b", 1)
    with connect() as writer:
        add(writer, 0, OLD, "a", 10)
        assert compact(connection, ROLLUP, NOW) == 1
        writer.commit()

    assert rows(connection, "part") == [(0, OLD, "a", 11)]
    assert compact(connection, ROLLUP, NOW) == 1
    assert total(connection) == 12


def test_a_move_that_fails_half_way_has_not_begun(connection: Connection, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object, **__: object) -> None:
        raise OSError("away")

    add(connection, 0, OLD, "a", 3)
    monkeypatch.setattr(bulk, "insert", fail)
    with pytest.raises(OSError, match="away"):
        compact(connection, ROLLUP, NOW)

    assert rows(connection, "part") == [(0, OLD, "a", 3)]
    assert rows(connection, "whole") == []


def test_every_count_is_seen_once_while_it_moves(connection: Connection) -> None:
    """A writer adds one at a time, two compact: every sum that is read lies between what was and what will be."""
    written, stop, wrong = [0], threading.Event(), []

    def write() -> None:
        with connect(autocommit=True) as own:
            for number in range(400):
                add(own, number % 3, OLD, f"label {number % 5}", 1)
                written[0] += 1

    def move() -> None:
        with connect(autocommit=True) as own:
            while not stop.is_set():
                compact(own, ROLLUP, NOW)

    threads = [threading.Thread(target=each) for each in (move, move, write)]
    for each in threads:
        each.start()
    while threads[-1].is_alive():
        before, found, after = written[0], total(connection), written[0]
        # One more may be committed and not yet noted.
        if not before <= found <= after + 1:
            wrong.append((before, found, after))
    stop.set()
    for each in threads:
        each.join(30)
    compact(connection, ROLLUP, NOW + timedelta(hours=1))

    assert wrong == []
    assert total(connection) == sum(int(str(row[-1])) for row in rows(connection, "whole")) == 400


def test_buckets_are_found_by_their_rows(connection: Connection) -> None:
    assert list(used_buckets(connection, "part")) == []
    for bucket in (4095, 0, 17, 17):
        add(connection, bucket, OLD, "a", 1)
    assert list(used_buckets(connection, "part")) == [0, 17, 4095]
