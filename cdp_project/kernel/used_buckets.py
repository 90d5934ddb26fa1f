"""Which buckets of a table have rows, found by jumps along its key: one look for each instead of a walk over all."""

from collections.abc import Iterator

from psycopg import sql

from cdp_project.kernel.database import Connection

_NEXT = "SELECT bucket FROM {table} WHERE bucket > %s ORDER BY bucket LIMIT 1"


def used_buckets(connection: Connection, table: str) -> Iterator[int]:
    """Buckets with rows, ascending; each is looked for when it is asked for."""
    statement = sql.SQL(_NEXT).format(table=sql.Identifier(table))
    bucket = -1
    while (row := connection.execute(statement, (bucket,)).fetchone()) is not None:
        bucket = int(str(row[0]))
        yield bucket
