"""Plain psycopg connections for the hot loops, from Django's own settings."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import msgspec
import psycopg
from django.db import connections, transaction
from psycopg.types.json import set_json_dumps, set_json_loads

Connection = psycopg.Connection[tuple[object, ...]]


class TryAgain(Exception):
    """A unit of work met a rare collision with another one; nothing is wrong, it only has to run again."""


RETRYABLE = (
    TryAgain,
    psycopg.OperationalError,
    psycopg.InterfaceError,
    psycopg.errors.SerializationFailure,
    psycopg.errors.DeadlockDetected,
    psycopg.errors.InternalError_,
)
"""Errors of the infrastructure: the unit of work is tried again; nothing is wrong with the data."""


def connect(*, autocommit: bool = False, name: str = "tributary") -> Connection:
    """A new connection of its own, not Django's. Raises psycopg.OperationalError when there is none."""
    config = connections["default"].settings_dict
    options: dict[str, Any] = config["OPTIONS"]
    connection = psycopg.connect(
        dbname=config["NAME"],
        user=config["USER"] or None,
        password=config["PASSWORD"] or None,
        host=config["HOST"] or None,
        port=config["PORT"] or None,
        application_name=name,
        autocommit=autocommit,
        prepare_threshold=1,
        **options,
    )
    set_json_dumps(msgspec.json.encode, connection)
    set_json_loads(msgspec.json.decode, connection)
    return connection


@contextmanager
def djangos_own() -> Iterator[Connection]:
    """Django's connection within a transaction, for what changes plain rows and models together."""
    with transaction.atomic():
        connections["default"].ensure_connection()
        yield connections["default"].connection


@contextmanager
def one_look() -> Iterator[None]:
    """Within it, every read over Django's connection sees the database as it was at the first of them."""
    with transaction.atomic(durable=True), connections["default"].cursor() as cursor:
        cursor.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY")
        yield


class SteadyConnection:
    """One connection that is opened when needed and thrown away after an error of the infrastructure."""

    def __init__(self, *, autocommit: bool = False, name: str = "tributary") -> None:
        self._autocommit = autocommit
        self._name = name
        self._connection: Connection | None = None

    def is_open(self) -> bool:
        """`get` need not wait for a new connection."""
        return self._connection is not None and not self._connection.closed

    def get(self) -> Connection:
        """The open connection; raises psycopg.OperationalError when the database is away."""
        if self._connection is None or self._connection.closed:
            self._connection = connect(autocommit=self._autocommit, name=self._name)
        return self._connection

    def drop(self) -> None:
        """Close; the next `get` opens a new one."""
        if self._connection is not None:
            self._connection.close()
            self._connection = None

    @contextmanager
    def transaction(self) -> Iterator[Connection]:
        """One transaction; the connection is dropped when the infrastructure fails inside."""
        try:
            connection = self.get()
            with connection.transaction():
                yield connection
        except (psycopg.OperationalError, psycopg.InterfaceError):
            self.drop()
            raise
