"""Bulk writes, look-ups and ordered locks: the one place that knows how the engine likes them.

Rows go in sorted by their key, so that two processes that touch the same rows take their locks in the same order
(distributed.md 3, rules 12 and 13). Lock order between tables: lane, seen, catalogue, identity_key, profile, session,
outbox, roll-up.

A statement takes its rows as one array a column: planned once however many they are, and half the work of multi-row
VALUES for the server. Citus would want VALUES (distributed.md 3, rule 12): only `insert` would have to know.
"""

from collections.abc import Iterable, Sequence
from functools import lru_cache
from operator import itemgetter
from typing import Any

import psycopg
from psycopg import sql

from cdp_project.kernel import binary
from cdp_project.kernel.database import Connection

# More goes in by several statements, lest one of them takes the memory of many.
ROWS_MOST = 10_000

Row = Sequence[Any]
Key = tuple[Any, ...]
Columns = tuple[tuple[str, str], ...]
"""Names with types."""

_KINDS = """
SELECT a.attname, t.typname FROM pg_attribute a JOIN pg_type t ON t.oid = a.atttypid
WHERE a.attrelid = to_regclass(%s) AND a.attnum > 0 AND NOT a.attisdropped
"""
_kinds: dict[str, dict[str, str]] = {}


def insert(
    connection: Connection,
    table: str,
    columns: Sequence[str],
    rows: Iterable[Row],
    *,
    tail: str = "",
    key_width: int = 1,
) -> list[tuple[Any, ...]]:
    """INSERT rows sorted by their first `key_width` columns; `tail` is ON CONFLICT and RETURNING text.

    Returns what RETURNING gave, in no promised order. `tail` is SQL of ours, never of strangers. Up to ROWS_MOST are
    one statement: outside a transaction all of them are committed together or none is.
    """
    ordered = sorted(rows, key=itemgetter(slice(key_width)))
    if not ordered:
        return []
    typed = _typed(connection, table, columns)
    statement = _insert_statement(table, typed, tail)
    parts = (ordered[start : start + ROWS_MOST] for start in range(0, len(ordered), ROWS_MOST))
    return [row for part in parts for row in _run(connection, statement, typed, part)]


def lookup(
    connection: Connection,
    table: str,
    key: Sequence[str],
    keys: Iterable[Key],
    columns: Sequence[str],
    *,
    lock: bool = False,
) -> list[tuple[Key, tuple[Any, ...]]]:
    """Rows whose columns `key`, the bucket first, equal one of `keys`: each as (key, values of `columns`).

    `lock` takes the rows FOR UPDATE in the order of the sorted keys.
    """
    ordered = sorted(set(keys))
    if not ordered:
        return []
    typed = _typed(connection, table, key)
    rows = _run(connection, _lookup_statement(table, typed, tuple(columns), lock), typed, ordered)
    return [(ordered[row[0] - 1], row[1:]) for row in rows]


def copy(connection: Connection, table: str, columns: Sequence[str], rows: Iterable[Row]) -> None:
    """COPY rows in binary form: the fastest way in for tables without conflicts (events, chunks)."""
    kinds = [kind for _, kind in _typed(connection, table, columns)]
    statement = sql.SQL("COPY {} ({}) FROM STDIN (FORMAT BINARY)").format(sql.Identifier(table), _names(columns))
    with connection.cursor().copy(statement) as writer:
        writer.set_types(kinds)
        for row in rows:
            writer.write_row(row)


def _run(connection: Connection, statement: bytes, columns: Columns, rows: Sequence[Row]) -> list[tuple[Any, ...]]:
    # Django's connection makes cursors of another kind by itself.
    cursor = psycopg.RawCursor(connection)
    binary.teach(cursor)
    values = zip(*rows, strict=True)
    arrays = [binary.Array(_sent_as(kind), column) for (_, kind), column in zip(columns, values, strict=True)]
    cursor.execute(statement, arrays, binary=True)
    return [] if cursor.description is None else cursor.fetchall()


def _typed(connection: Connection, table: str, names: Iterable[str]) -> Columns:
    """The columns with their types, which are asked for once a process."""
    if table not in _kinds:
        rows = psycopg.Cursor(connection).execute(_KINDS, (table,)).fetchall()
        _kinds[table] = {str(name): str(kind) for name, kind in rows}
    return tuple((name, _kinds[table][name]) for name in names)


def _sent_as(kind: str) -> str:
    """Types without a binary form here travel as their text."""
    return kind if binary.is_known(kind) else "text"


def _parameters(columns: Columns) -> sql.Composed:
    arrays = (
        sql.SQL(f"${place}::{{}}[]").format(sql.SQL(_sent_as(kind))) for place, (_, kind) in enumerate(columns, 1)
    )
    return sql.SQL(",").join(arrays)


def _cast(columns: Columns) -> sql.Composed:
    """The columns of `k` as they are stored."""
    return sql.SQL(",").join(
        sql.SQL("k.{}" if binary.is_known(kind) else "k.{}::{}").format(sql.Identifier(name), sql.SQL(kind))
        for name, kind in columns
    )


@lru_cache(maxsize=256)
def _insert_statement(table: str, columns: Columns, tail: str) -> bytes:
    names = _names([name for name, _ in columns])
    return (
        sql.SQL("INSERT INTO {} ({}) SELECT {} FROM unnest({}) AS k ({}) {}")
        .format(sql.Identifier(table), names, _cast(columns), _parameters(columns), names, sql.SQL(tail))
        .as_bytes(None)
    )


@lru_cache(maxsize=256)
def _lookup_statement(table: str, key: Columns, columns: tuple[str, ...], lock: bool) -> bytes:
    names = [name for name, _ in key]
    same = sql.SQL(" AND ").join(sql.SQL("t.{0} = k.{0}").format(sql.Identifier(name)) for name in names)
    # One look into the index a key, whatever the planner believes of the table: OFFSET 0 keeps it from reading
    # all of it to join at once.
    return (
        sql.SQL(
            "SELECT k.n, found.* FROM unnest({}) WITH ORDINALITY AS k ({}, n) "
            "CROSS JOIN LATERAL (SELECT {} FROM {} t WHERE {} {}) AS found"
        )
        .format(
            _parameters(key),
            _names(names),
            _names(columns) if columns else sql.SQL("1"),
            sql.Identifier(table),
            same,
            sql.SQL("FOR UPDATE" if lock else "OFFSET 0"),
        )
        .as_bytes(None)
    )


def _names(columns: Sequence[str]) -> sql.Composed:
    return sql.SQL(",").join(map(sql.Identifier, columns))
