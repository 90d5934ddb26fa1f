"""Rows that are worked by one process at a time: claim, keep, finish.

Such a table has columns `lease_holder` and `leased_until` beside its key. A claim ends by itself, so what a
process leaves behind when it dies is rescued by whoever claims next. To be sure inside a transaction, `keep`
the rows first: it locks them, and tells which are still one's own.
"""

from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from psycopg import sql

from cdp_project.kernel.database import Connection

Key = tuple[Any, ...]

# Locked in the order of their keys before they are changed: an UPDATE alone takes its locks in the order of
# whatever join is cheapest, and two processes that hold each other's rows wait for ever.
_CHANGE = """
WITH ours AS (
    SELECT {returned} FROM unnest({arrays}) AS k ({names}) JOIN {table} r ON {same}
    WHERE {condition} ORDER BY {returned} FOR UPDATE OF r
)
UPDATE {table} r SET {change} FROM ours k WHERE {same}
RETURNING {returned}
"""
_CLAIM = (
    "lease_holder = %(holder)s, leased_until = %(until)s",
    "(r.leased_until IS NULL OR r.leased_until <= %(now)s OR r.lease_holder = %(holder)s)",
)
_KEEP = ("leased_until = %(until)s", "r.lease_holder = %(holder)s")
_FINISH = ("lease_holder = NULL, leased_until = NULL", "r.lease_holder = %(holder)s")


class LeasedRows:
    """The rows of one table. `key` names its key columns with their types, the bucket first."""

    def __init__(self, table: str, key: Sequence[tuple[str, str]], lease: timedelta) -> None:
        self.lease = lease
        names = [name for name, _ in key]
        parts = {
            "table": sql.Identifier(table),
            "arrays": sql.SQL(",").join(
                sql.SQL("{}::{}[]").format(sql.Placeholder(name), sql.SQL(kind)) for name, kind in key
            ),
            "names": sql.SQL(",").join(map(sql.Identifier, names)),
            "same": sql.SQL(" AND ").join(sql.SQL("r.{0} = k.{0}").format(sql.Identifier(name)) for name in names),
            "returned": sql.SQL(",").join(sql.SQL("r.{}").format(sql.Identifier(name)) for name in names),
        }
        self._names = names
        self._claim, self._keep, self._finish = (
            sql.SQL(_CHANGE).format(change=sql.SQL(change), condition=sql.SQL(condition), **parts)
            for change, condition in (_CLAIM, _KEEP, _FINISH)
        )

    def claim(self, connection: Connection, keys: Iterable[Key], holder: UUID, now: datetime) -> list[Key]:
        """Take those of the rows that are free, or whose claim has ended, or that are ours already."""
        return self._run(connection, self._claim, keys, {"holder": holder, "now": now, "until": now + self.lease})

    def keep(self, connection: Connection, keys: Iterable[Key], holder: UUID, now: datetime) -> list[Key]:
        """Hold the rows for longer; those that are not ours any more are left out."""
        return self._run(connection, self._keep, keys, {"holder": holder, "until": now + self.lease})

    def finish(self, connection: Connection, keys: Iterable[Key], holder: UUID) -> None:
        """Give the rows back to everybody."""
        self._run(connection, self._finish, keys, {"holder": holder})

    def _run(
        self, connection: Connection, statement: sql.Composed, keys: Iterable[Key], parameters: dict[str, Any]
    ) -> list[Key]:
        ordered = sorted(keys)
        if not ordered:
            return []
        columns = dict(zip(self._names, map(list, zip(*ordered, strict=True)), strict=True))
        return list(connection.execute(statement, parameters | columns).fetchall())
