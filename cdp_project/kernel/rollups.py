"""Counts in two levels: partial rows, one set for each writer's bucket, and one row for all once their hour is over.

What is counted is always the sum of both. Whoever reads takes both in one statement, so that it sees each count
once: moving a row from one to the other is one transaction.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cached_property
from typing import Any

from psycopg import sql

from cdp_project.kernel import bulk
from cdp_project.kernel.buckets import bucket_of_number
from cdp_project.kernel.database import Connection
from cdp_project.kernel.used_buckets import used_buckets

# Writers are rarely later than this; rows of older hours that come all the same are moved by the next run.
OPEN_FOR = timedelta(hours=2)
# A transaction moves no more than this, so that nobody waits long for a row.
ROWS_MOST = 5000

# Rows that somebody adds to at the moment are left for the next run: to wait for them could end in a deadlock.
_TAKE = """
WITH old AS MATERIALIZED (
    SELECT {names} FROM {partial} WHERE bucket = %(bucket)s AND hour < %(before)s
    LIMIT %(most)s FOR UPDATE SKIP LOCKED)
DELETE FROM {partial} p USING old WHERE p.bucket = %(bucket)s AND {same}
RETURNING {taken}, p.count
"""


@dataclass(frozen=True)
class Rollup:
    """Two tables with the columns `bucket`, those of `key` (one of them `hour`) and `count`; bucket and key are unique.

    In `compact` the bucket is that of the number in column `owner`, so that one place has all of its hours.
    """

    partial: str
    compact: str
    key: tuple[str, ...]
    owner: str

    @cached_property
    def take(self) -> sql.Composed:
        """The statement that takes old partial rows out."""
        same = (sql.SQL("p.{0} = old.{0}").format(sql.Identifier(name)) for name in self.key)
        return sql.SQL(_TAKE).format(
            partial=sql.Identifier(self.partial),
            names=sql.SQL(", ").join(map(sql.Identifier, self.key)),
            same=sql.SQL(" AND ").join(same),
            taken=sql.SQL(", ").join(sql.Identifier("p", name) for name in self.key),
        )


def add(connection: Connection, rollup: Rollup, rows: Iterable[bulk.Row]) -> None:
    """Add to the partial rows; each of `rows` is bucket, key, count. Within the transaction that makes it true."""
    _add_to(connection, rollup.partial, rollup.key, rows)


def _add_to(connection: Connection, table: str, key: tuple[str, ...], rows: Iterable[bulk.Row]) -> None:
    columns = ("bucket", *key)
    adding = f"ON CONFLICT ({', '.join(columns)}) DO UPDATE SET count = {table}.count + EXCLUDED.count"
    bulk.insert(connection, table, (*columns, "count"), rows, tail=adding, key_width=len(columns))


def compact(connection: Connection, rollup: Rollup, now: datetime) -> int:
    """Move the rows of hours that began two hours ago or earlier; how many. `connection` is in autocommit mode.

    May run at any time, also twice at once: every count is moved once.
    """
    moved = 0
    for bucket in used_buckets(connection, rollup.partial):
        while found := _move_some(connection, rollup, bucket, now - OPEN_FOR):
            moved += found
    return moved


def _move_some(connection: Connection, rollup: Rollup, bucket: int, before: datetime) -> int:
    parameters = {"bucket": bucket, "before": before, "most": ROWS_MOST}
    with connection.transaction():
        rows: list[tuple[Any, ...]] = connection.execute(rollup.take, parameters).fetchall()
        owner = rollup.key.index(rollup.owner)
        _add_to(connection, rollup.compact, rollup.key, [(bucket_of_number(row[owner]), *row) for row in rows])
    return len(rows)
