"""The stores: PostgreSQL and Valkey, that they answer, and settings without which promises are not kept."""

from collections.abc import Iterator
from datetime import datetime
from typing import Any

import psycopg
import redis
from django.conf import settings
from django.db import DEFAULT_DB_ALIAS, connections
from django.db.migrations.executor import MigrationExecutor

from cdp_project.kernel import clock, reporting
from cdp_project.kernel.database import Connection, connect
from cdp_project.operation.doctor.findings import Check, Finding, ok, on_database, warning, wrong
from cdp_project.operation.doctor.machine import version

POSTGRESQL_LEAST, VALKEY_LEAST = (15,), (6, 2)
CONNECTIONS_LEAST = 60
CLOCKS_APART_S, CLOCKS_FAR_APART_S = 1.0, 30.0
# Under these a queue of Celery can be thrown away.
FORGETFUL = "allkeys"
# Each with what is lost otherwise.
MUST_BE_ON = {
    "fsync": "a power cut can destroy the database",
    "synchronous_commit": "acknowledged events can be lost in a crash",
    "full_page_writes": "a power cut can destroy the database",
    "autovacuum": "tables grow without end",
}


def database() -> Iterator[Finding]:
    at = settings.DATABASES["default"]
    where = f"{at['NAME']} at {at['HOST'] or 'the local socket'}:{at['PORT'] or 5432}"
    try:
        with connect(autocommit=True, name="tributary doctor") as connection:
            found = str(connection.info.parameter_status("server_version"))
    except psycopg.OperationalError as error:
        reason = str(error).strip().splitlines()[0].rpartition("failed: ")[2]
        remedy = "Start it (`make up` starts the embedded one) and see that DATABASE_URL is right."
        yield wrong("database", f"{where} cannot be reached: {reason}", remedy)
        return
    yield ok("database", f"{where} answers")
    yield version("PostgreSQL", found, POSTGRESQL_LEAST)


def durability(connection: Connection) -> Iterator[Finding]:
    values = {name: _setting(connection, name) for name in MUST_BE_ON}
    off = [name for name, value in values.items() if value == "off"]
    for name in off:
        yield wrong("database", f"{name} is off: {MUST_BE_ON[name]}", f"Set {name} = on in postgresql.conf and reload.")
    if not off:
        yield ok("database", f"{', '.join(values)} are on")
    most = int(_setting(connection, "max_connections"))
    if most < CONNECTIONS_LEAST:
        remedy = f"Set max_connections = {CONNECTIONS_LEAST} or more and restart PostgreSQL."
        yield warning("database", f"max_connections is only {most}", remedy)


def _setting(connection: Connection, name: str) -> str:
    row = connection.execute("SELECT current_setting(%s)", (name,)).fetchone()
    return str(row[0]) if row else ""


def clocks(connection: Connection) -> Iterator[Finding]:
    row: Any = connection.execute("SELECT clock_timestamp()").fetchone()
    there: datetime = row[0]
    apart_s = abs((there - clock.now()).total_seconds())
    told = f"this machine and the database are {apart_s:.1f} s apart"
    if apart_s > CLOCKS_APART_S:
        level = wrong if apart_s > CLOCKS_FAR_APART_S else warning
        yield level("clock", told, "Run an NTP service on both machines.")
    else:
        yield ok("clock", told)


def migrations() -> Iterator[Finding]:
    try:
        executor = MigrationExecutor(connections[DEFAULT_DB_ALIAS])
        missing = executor.migration_plan(executor.loader.graph.leaf_nodes())
    except Exception as error:  # noqa: BLE001 - Django's own errors of the database, and psycopg's
        yield warning("migrations", f"cannot be told ({type(error).__name__})", "Mend the database first.")
        return
    finally:
        connections[DEFAULT_DB_ALIAS].close()
    if missing:
        names = ", ".join(f"{migration.app_label}.{migration.name}" for migration, _ in missing[:5])
        yield wrong("migrations", f"{len(missing)} are missing: {names}", "Run `manage.py migrate`.")
    else:
        yield ok("migrations", "all are applied")


def valkey() -> Iterator[Finding]:
    try:
        with reporting.client() as client:
            found: Any = client.info("server")
            policy = _policy(client)
    except redis.RedisError as error:
        remedy = "Start it (`make up` starts the embedded one) and see that REDIS_URL is right."
        yield wrong("valkey", f"it cannot be reached: {type(error).__name__}", remedy)
        return
    yield version("Valkey", str(found.get("valkey_version") or found["redis_version"]), VALKEY_LEAST)
    if policy.startswith(FORGETFUL):
        remedy = "Set maxmemory-policy to noeviction or volatile-lru."
        yield wrong("valkey", f"maxmemory-policy {policy} lets it throw away schedules and hints", remedy)
    else:
        yield ok("valkey", f"it answers; maxmemory-policy is {policy}")


def _policy(client: "redis.Redis") -> str:
    try:
        found: Any = client.config_get("maxmemory-policy")
    except redis.ResponseError:
        # Hosted ones do not tell.
        return "not told"
    return str(found.get("maxmemory-policy", "not told"))


CHECKS = (
    Check("database", database),
    on_database("database", durability),
    Check("migrations", migrations),
    on_database("clock", clocks),
    Check("valkey", valkey),
)
