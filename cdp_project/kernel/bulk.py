"""Bulk writes and ordered locks: the one place that knows how the engine likes them.

Rows go in as multi-row VALUES, sorted by their key, so that two processes that touch the same rows take
their locks in the same order (distributed.md 3, rules 12 and 13). Lock order between tables:
lane, seen, catalogue, identity_key, profile, roll-up, outbox.
"""

from collections.abc import Iterable, Sequence
from typing import Any

from psycopg import sql

from cdp_project.kernel.database import Connection

PARAMETERS_MOST = 60_000  # the protocol's limit is 65,535 a statement

Row = Sequence[Any]


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

    Returns what RETURNING gave, in no promised order. `tail` is SQL of ours, never of strangers.
    """
    ordered = sorted(rows, key=lambda row: tuple(row[:key_width]))
    found: list[tuple[Any, ...]] = []
    step = max(1, PARAMETERS_MOST // len(columns))
    for start in range(0, len(ordered), step):
        part = ordered[start : start + step]
        cursor = connection.execute(
            _insert_statement(table, columns, len(part), tail), [value for row in part for value in row]
        )
        if cursor.description is not None:
            found.extend(cursor.fetchall())
    return found


def _insert_statement(table: str, columns: Sequence[str], count: int, tail: str) -> sql.Composed:
    one = sql.SQL("({})").format(sql.SQL(",").join([sql.Placeholder()] * len(columns)))
    return sql.SQL("INSERT INTO {} ({}) VALUES {} {}").format(
        sql.Identifier(table),
        sql.SQL(",").join(map(sql.Identifier, columns)),
        sql.SQL(",").join([one] * count),
        sql.SQL(tail),
    )


def copy(connection: Connection, table: str, columns: Sequence[str], types: Sequence[str], rows: Iterable[Row]) -> None:
    """COPY rows in binary form: the fastest way in for tables without conflicts (events, chunks)."""
    statement = sql.SQL("COPY {} ({}) FROM STDIN (FORMAT BINARY)").format(
        sql.Identifier(table), sql.SQL(",").join(map(sql.Identifier, columns))
    )
    with connection.cursor().copy(statement) as writer:
        writer.set_types(types)
        for row in rows:
            writer.write_row(row)
