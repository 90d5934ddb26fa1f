"""Bulk writes, look-ups by many keys, and locks in order."""

from collections.abc import Iterator
from datetime import UTC, datetime
from uuid import UUID

import psycopg
import pytest

from cdp_project.kernel import bulk
from cdp_project.kernel.database import Connection, connect

KEY = ("bucket", "digest", "word")
COLUMNS = ("bucket", "digest", "word", "number", "facts", "at", "id")
AT = datetime(2030, 1, 1, tzinfo=UTC)
ID = UUID(int=7)


@pytest.fixture
def connection(transactional_db: None) -> Iterator[Connection]:
    with connect(autocommit=True) as opened:
        opened.execute(
            "CREATE TABLE bulk_try (bucket smallint, digest bytea, word text, number bigint, facts jsonb, "
            "at timestamptz, id uuid, PRIMARY KEY (bucket, digest, word))"
        )
        yield opened
        opened.execute("DROP TABLE bulk_try")


def row(number: int, word: str = "w") -> bulk.Row:
    return (number % 4096, number.to_bytes(4, "big"), word, number, {"n": number}, AT, ID)


@pytest.mark.parametrize("count", [0, 1, 999, 1000, 1001, 2500])
def test_all_rows_go_in_however_many(connection: Connection, count: int) -> None:
    returned = bulk.insert(
        connection, "bulk_try", COLUMNS, map(row, range(count)), tail="RETURNING number", key_width=3
    )

    assert sorted(returned) == [(number,) for number in range(count)]
    assert connection.execute("SELECT count(*), count(DISTINCT digest) FROM bulk_try").fetchone() == (count, count)


def test_conflicts_are_left_out_of_what_is_returned(connection: Connection) -> None:
    tail = "ON CONFLICT DO NOTHING RETURNING number"
    bulk.insert(connection, "bulk_try", COLUMNS, map(row, range(3)), key_width=3)

    assert bulk.insert(connection, "bulk_try", COLUMNS, map(row, range(5)), tail=tail, key_width=3) == [(3,), (4,)]


WORDS = ["plain", 'quote " back \\ slash', "comma, {brace}", "NULL", "", "ünï", "new\nline", "'"]


def test_rows_are_found_by_keys_of_any_letters(connection: Connection) -> None:
    bulk.insert(connection, "bulk_try", COLUMNS, [row(1, word) for word in WORDS], key_width=3)
    keys = [(1, b"\x00\x00\x00\x01", word) for word in [*WORDS, "absent"]]
    found = bulk.lookup(connection, "bulk_try", KEY, keys, ("number", "facts"))

    assert sorted(key[2] for key, _ in found) == sorted(WORDS)
    assert {values[1]["n"] for _, values in found} == {1}
    assert bulk.lookup(connection, "bulk_try", KEY, [], ("number",)) == []
    assert len(bulk.lookup(connection, "bulk_try", KEY, [*keys, *keys], ())) == len(WORDS)


def test_locked_rows_wait_for_the_end_of_the_transaction(connection: Connection) -> None:
    bulk.insert(connection, "bulk_try", COLUMNS, map(row, range(10)), key_width=3)
    keys = [tuple(row(number)[:3]) for number in range(10)]
    with connection.transaction(), connect() as other:
        bulk.lookup(connection, "bulk_try", KEY, keys[:5], (), lock=True)
        other.execute("SET lock_timeout = '50ms'")
        bulk.lookup(other, "bulk_try", KEY, keys[5:], (), lock=True)
        with pytest.raises(psycopg.errors.LockNotAvailable):
            bulk.lookup(other, "bulk_try", KEY, keys[4:], (), lock=True)
