"""Bulk writes, look-ups and ordered locks: the one place that knows how the engine likes them.

Rows go in as multi-row VALUES, sorted by their key, so that two processes that touch the same rows take
their locks in the same order (distributed.md 3, rules 12 and 13). Lock order between tables:
lane, seen, catalogue, identity_key, profile, session, outbox, roll-up.
"""

from collections.abc import Iterable, Iterator, Sequence
from functools import lru_cache
from operator import itemgetter
from typing import Any

import psycopg
from psycopg import sql

from cdp_project.kernel.database import Connection

# Longer statements save nothing more; 1,000 rows of 60 columns are within the protocol's 65,535 parameters.
ROWS_MOST = 1000
_LENGTHS = (ROWS_MOST, 300, 100, 30)
# A statement of so few rows is met again and again, and planning it costs more than running it. The server keeps
# every prepared one, so there are not many more.
PREPARED_ROWS_MOST = 4

Row = Sequence[Any]
Key = tuple[Any, ...]


def insert(
    connection: Connection,
    table: str,
    columns: Sequence[str],
    rows: Iterable[Row],
    *,
    tail: str = "",
    key_width: int = 1,
    at_once: bool = False,
) -> list[tuple[Any, ...]]:
    """INSERT rows sorted by their first `key_width` columns; `tail` is ON CONFLICT and RETURNING text.

    Returns what RETURNING gave, in no promised order. `tail` is SQL of ours, never of strangers. `at_once`
    makes it one statement, so that outside a transaction all rows are committed together or none is.
    """
    ordered = sorted(rows, key=itemgetter(slice(key_width)))
    found: list[tuple[Any, ...]] = []
    cursor = psycopg.RawCursor(connection)
    for start, count in [(0, len(ordered))] if at_once and ordered else _parts(len(ordered)):
        part = ordered[start : start + count]
        statement = _insert_statement(table, tuple(columns), count, tail)
        values = [value for row in part for value in row]
        cursor.execute(statement, values, prepare=None if count <= PREPARED_ROWS_MOST else False, binary=True)
        if cursor.description is not None:
            found.extend(cursor.fetchall())
    return found


def _parts(total: int) -> Iterator[tuple[int, int]]:
    """Pieces as (start, length), of few different lengths, so that their statements are written down once.

    What is left of a few rows is one piece: another way to the server costs more than to write its statement.
    """
    start = 0
    for length in _LENGTHS:
        while total - start >= length:
            yield start, length
            start += length
    if start < total:
        yield start, total - start


@lru_cache(maxsize=1024)
def _insert_statement(table: str, columns: tuple[str, ...], count: int, tail: str) -> bytes:
    width = len(columns)
    rows = (",".join(f"${row * width + place}" for place in range(1, width + 1)) for row in range(count))
    values = ",".join(f"({row})" for row in rows)
    return (
        sql.SQL("INSERT INTO {} ({}) VALUES {} {}")
        .format(sql.Identifier(table), _names(columns), sql.SQL(values), sql.SQL(tail))
        .as_bytes(None)
    )


def lookup(
    connection: Connection,
    table: str,
    key: Sequence[tuple[str, str]],
    keys: Iterable[Key],
    columns: Sequence[str],
    *,
    lock: bool = False,
) -> list[tuple[Key, tuple[Any, ...]]]:
    """Rows whose key columns equal one of `keys`, each as (key, values of `columns`).

    `key` names the columns with their types, the bucket first; values are int, bytes or str. `lock` takes
    the rows FOR UPDATE in the order of the sorted keys.
    """
    ordered = sorted(set(keys))
    if not ordered:
        return []
    statement = _lookup_statement(table, tuple(key), tuple(columns), lock)
    # Django's connection makes cursors of another kind by itself.
    cursor = psycopg.Cursor(connection)
    cursor.execute(statement, [_array(column) for column in zip(*ordered, strict=True)], binary=True)
    rows: list[tuple[Any, ...]] = cursor.fetchall()
    return [(ordered[row[0] - 1], row[1:]) for row in rows]


@lru_cache(maxsize=128)
def _lookup_statement(table: str, key: tuple[tuple[str, str], ...], columns: tuple[str, ...], lock: bool) -> bytes:
    arrays = sql.SQL(",").join(sql.SQL("%t::{}[]").format(sql.SQL(kind)) for _, kind in key)
    names = [name for name, _ in key]
    same = sql.SQL(" AND ").join(sql.SQL("t.{0} = k.{0}").format(sql.Identifier(name)) for name in names)
    wanted = sql.SQL(",").join(sql.SQL("t.{}").format(sql.Identifier(name)) for name in columns)
    return (
        sql.SQL("SELECT k.n, {} FROM unnest({}) WITH ORDINALITY AS k ({}, n) JOIN {} t ON {} {}")
        .format(
            wanted if columns else sql.SQL("1"),
            arrays,
            _names(names),
            sql.Identifier(table),
            same,
            sql.SQL("ORDER BY k.n FOR UPDATE OF t" if lock else ""),
        )
        .as_bytes(None)
    )


def _names(columns: Sequence[str]) -> sql.Composed:
    return sql.SQL(",").join(map(sql.Identifier, columns))


def _array(values: Sequence[Any]) -> str:
    """PostgreSQL's text form of an array: six times as fast as the driver's list of values."""
    first = values[0]
    if isinstance(first, bytes):
        return '{"' + '","'.join([rf"\\x{value.hex()}" for value in values]) + '"}'
    if isinstance(first, str):
        escaped = [value.replace("\\", "\\\\").replace('"', '\\"') for value in values]
        return '{"' + '","'.join(escaped) + '"}'
    return "{" + ",".join(map(str, values)) + "}"


def copy(connection: Connection, table: str, columns: Sequence[str], types: Sequence[str], rows: Iterable[Row]) -> None:
    """COPY rows in binary form: the fastest way in for tables without conflicts (events, chunks)."""
    statement = sql.SQL("COPY {} ({}) FROM STDIN (FORMAT BINARY)").format(
        sql.Identifier(table), sql.SQL(",").join(map(sql.Identifier, columns))
    )
    with connection.cursor().copy(statement) as writer:
        writer.set_types(types)
        for row in rows:
            writer.write_row(row)
