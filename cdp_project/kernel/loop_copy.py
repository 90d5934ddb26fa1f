"""COPY over a plain connection, waited for by an event loop: for a writer whose answers go out by the same loop.

A thread and the loop would hand the interpreter to each other several times a statement, and each waits for it
longer than the statement takes. (One prepared INSERT of arrays has one way to the server less, and measured no
better: it packs rows in twice the time.)
"""

import asyncio
import struct
from collections.abc import Callable, Iterable, Sequence
from functools import lru_cache

import psycopg
from psycopg import sql
from psycopg.pq import ExecStatus
from psycopg.pq.abc import PGconn, PGresult

from cdp_project.kernel.database import Connection

# What libpq takes at once without growing its buffer for good.
PIECE_BYTES = 128 * 1024
_HEAD = b"PGCOPY\n\xff\r\n\0" + struct.pack(">ii", 0, 0)
_END = struct.pack(">h", -1)


async def copy_in(connection: Connection, table: str, columns: Sequence[str], rows: Iterable[bytes]) -> None:
    """Store the rows by one statement; a row is its values in PostgreSQL's binary COPY format, their number first.

    `connection` is in autocommit mode and used by nobody else meanwhile. Raises psycopg.Error. When it is
    cancelled, the connection must be dropped.
    """
    pgconn = connection.pgconn
    pgconn.send_query(_statement(table, tuple(columns)))
    begun = await _result(pgconn)
    if begun.status != ExecStatus.COPY_IN:
        await _end(pgconn, begun)
        raise psycopg.InternalError("COPY did not ask for rows.")
    data = b"".join([_HEAD, *rows, _END])
    for start in range(0, len(data), PIECE_BYTES):
        await _put(pgconn, data[start : start + PIECE_BYTES])
    pgconn.put_copy_end()
    await _end(pgconn, await _result(pgconn))


@lru_cache(maxsize=16)
def _statement(table: str, columns: tuple[str, ...]) -> bytes:
    names = sql.SQL(",").join(map(sql.Identifier, columns))
    return sql.SQL("COPY {} ({}) FROM STDIN (FORMAT BINARY)").format(sql.Identifier(table), names).as_bytes(None)


async def _put(pgconn: PGconn, piece: bytes) -> None:
    # What does not fit stays with us until the server has read on.
    while pgconn.put_copy_data(piece) == 0:
        await _ready(pgconn, asyncio.get_running_loop().add_writer, asyncio.get_running_loop().remove_writer)


async def _flush(pgconn: PGconn) -> None:
    loop = asyncio.get_running_loop()
    while pgconn.flush() == 1:
        await _ready(pgconn, loop.add_writer, loop.remove_writer)


async def _next(pgconn: PGconn) -> PGresult | None:
    """The next result of the statement; None at its end."""
    loop = asyncio.get_running_loop()
    await _flush(pgconn)
    while pgconn.is_busy():
        await _ready(pgconn, loop.add_reader, loop.remove_reader)
        pgconn.consume_input()
    return pgconn.get_result()


async def _result(pgconn: PGconn) -> PGresult:
    if (result := await _next(pgconn)) is None:
        raise psycopg.OperationalError("The connection ended amid a COPY.")
    return result


async def _end(pgconn: PGconn, result: PGresult) -> None:
    """Read to the end of the statement. Raises what it failed with; the connection can be used again."""
    while await _next(pgconn) is not None:
        continue
    if result.status == ExecStatus.FATAL_ERROR:
        raise psycopg.errors.error_from_result(result)


async def _ready(pgconn: PGconn, add: Callable[..., object], remove: Callable[[int], object]) -> None:
    """Return when the socket can be read or written."""
    ready = asyncio.get_running_loop().create_future()
    add(pgconn.socket, _set, ready)
    try:
        await ready
    finally:
        remove(pgconn.socket)


def _set(ready: "asyncio.Future[None]") -> None:
    if not ready.done():
        ready.set_result(None)
