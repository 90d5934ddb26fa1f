"""Tables in partitions: how migrations create them, how days come and go."""

from collections.abc import Iterable
from datetime import date, timedelta
from typing import Any

import psycopg
from django.db import migrations
from psycopg import sql

from cdp_project.kernel.database import Connection


class CreatePartitionedModel(migrations.CreateModel):
    """CreateModel for a table that is partitioned by `partition_by`, for example "RANGE (day)"."""

    def __init__(self, *args: Any, partition_by: str, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.partition_by = partition_by

    def deconstruct(self) -> Any:
        name, args, kwargs = super().deconstruct()
        return name, args, kwargs | {"partition_by": self.partition_by}

    def database_forwards(self, app_label: str, schema_editor: Any, _from_state: Any, to_state: Any) -> None:
        model = to_state.apps.get_model(app_label, self.name)
        if not self.allow_migrate_model(schema_editor.connection.alias, model):
            return
        statement, parameters = schema_editor.table_sql(model)
        schema_editor.execute(f"{statement} PARTITION BY {self.partition_by}", parameters or None)
        schema_editor.deferred_sql.extend(schema_editor._model_indexes_sql(model))


def make_days(connection: Connection, table: str, days: Iterable[date]) -> int:
    """Partitions of a table by day that are missing; how many. Safe to call from several processes at once."""
    made = 0
    for day in days:
        low, high = sql.Literal(day), sql.Literal(day + timedelta(days=1))
        made += _attach(connection, table, day_partition(table, day), sql.SQL("FROM ({}) TO ({})").format(low, high))
    return made


def make_list_value(connection: Connection, table: str, value: int) -> None:
    """The partition for one value of a table that is partitioned by list."""
    _attach(connection, table, list_partition(table, value), sql.SQL("IN ({})").format(sql.Literal(value)))


def day_partition(table: str, day: date) -> str:
    """Name of a day's partition."""
    return f"{table}_{day:%Y%m%d}"


def list_partition(table: str, value: int) -> str:
    """Name of the partition for one value."""
    return f"{table}_{value}"


def _attach(connection: Connection, table: str, name: str, bounds: sql.Composed) -> bool:
    # Made aside and attached: CREATE ... PARTITION OF would lock out every reader and writer of the table.
    with connection.transaction():
        # One maker at a time; the lock is about speed of failing, not about correctness.
        connection.execute("SELECT pg_advisory_xact_lock(hashtext(%s))", (name,))
        if connection.execute("SELECT to_regclass(%s)", (name,)).fetchone() != (None,):
            return False
        parent, child = sql.Identifier(table), sql.Identifier(name)
        connection.execute(
            sql.SQL("CREATE TABLE {} (LIKE {} INCLUDING DEFAULTS INCLUDING CONSTRAINTS INCLUDING STORAGE)").format(
                child, parent
            )
        )
        connection.execute(sql.SQL("ALTER TABLE {} ATTACH PARTITION {} FOR VALUES {}").format(parent, child, bounds))
    return True


def partitions_of(connection: Connection, table: str) -> list[str]:
    """Names of the table's partitions, sorted."""
    rows = connection.execute(
        "SELECT c.relname FROM pg_inherits i JOIN pg_class c ON c.oid = i.inhrelid "
        "WHERE i.inhparent = to_regclass(%s) ORDER BY 1",
        (table,),
    ).fetchall()
    return [str(name) for (name,) in rows]


def tables_by_day(connection: Connection) -> list[str]:
    """Names of all tables whose partitions are days, sorted."""
    rows = connection.execute(
        "SELECT c.relname FROM pg_partitioned_table p JOIN pg_class c ON c.oid = p.partrelid "
        "JOIN pg_attribute a ON a.attrelid = p.partrelid AND a.attnum = p.partattrs[0] "
        "WHERE p.partstrat = 'r' AND a.attname = 'day' AND c.relnamespace = current_schema()::regnamespace ORDER BY 1"
    ).fetchall()
    return [str(name) for (name,) in rows]


def left_behind(connection: Connection, table: str) -> list[str]:
    """Tables that were partitions of `table` until a drop was interrupted after detaching them, sorted."""
    rows = connection.execute(
        "SELECT relname FROM pg_class WHERE relkind = 'r' AND NOT relispartition "
        "AND relnamespace = current_schema()::regnamespace AND relname ~ %s ORDER BY 1",
        (f"^{table}_[0-9]+$",),
    ).fetchall()
    return [str(name) for (name,) in rows]


def drop_partition(connection: Connection, table: str, name: str) -> bool:
    """Detach without stopping readers, then drop; False when another does. `connection` is in autocommit mode.

    Goes on where an earlier try was interrupted. Raises LockNotAvailable when readers do not let go in time.
    """
    try:
        _detach_and_drop(connection, table, name)
    except (psycopg.errors.UndefinedTable, psycopg.errors.ObjectNotInPrerequisiteState):
        # Detached, or dropped, since we looked.
        return False
    return True


def _detach_and_drop(connection: Connection, table: str, name: str) -> None:
    parent, child = sql.Identifier(table), sql.Identifier(name)
    connection.execute("SET lock_timeout = '2s'")
    row = connection.execute(
        "SELECT inhdetachpending FROM pg_inherits WHERE inhrelid = to_regclass(%s)", (name,)
    ).fetchone()
    if row is not None:
        how = sql.SQL("FINALIZE" if row[0] else "CONCURRENTLY")
        connection.execute(sql.SQL("ALTER TABLE {} DETACH PARTITION {} {}").format(parent, child, how))
    connection.execute(sql.SQL("DROP TABLE {}").format(child))
