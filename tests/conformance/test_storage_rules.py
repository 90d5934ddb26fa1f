"""The rules that keep the door to many machines open (DESIGN 6), read off the catalogue and off recorded SQL."""

import re
from datetime import datetime, timedelta
from io import StringIO
from typing import Any

import psycopg
import pytest
from django.apps import apps
from django.core.management import call_command
from django.db import connection, models
from django.test import Client
from psycopg import sql

from cdp_project.kernel import clock, rollups
from cdp_project.kernel.database import Connection, connect
from cdp_project.workspaces.environment import Environment
from cdp_project.workspaces.models import Role
from connections import alerts, verdicts
from connections.deliver import Deliveries
from connections.gather import gather
from connections.retention import forget_old
from events import active_days, idle_sessions, retention
from events.active_days import active_people
from events.processing import accounting
from tests import factories
from tests.identity.test_api import token_of
from tests.shop import Shop, batch, custom_event

# Keyed by workspace and environment alone: a counter, one row each, never joined with people.
NOT_PER_PERSON = {"person_counter"}
# Lists over everybody, newest first: each machine answers from its own index.
LISTS_OVER_EVERYBODY = {"event_newest", "quarantine_newest"}


def tables_of_people() -> list[str]:
    """Tables with a composite key: everything that belongs to a person or a lane."""
    found = [
        model._meta.db_table
        for model in apps.get_models()
        if isinstance(model._meta.pk, models.CompositePrimaryKey) and model._meta.db_table not in NOT_PER_PERSON
    ]
    assert {"event", "profile", "identity_link", "inbox", "outbox_delivery"} <= set(found)
    return sorted(found)


def query(statement: str, *parameters: Any) -> list[tuple[Any, ...]]:
    with connection.cursor() as cursor:
        cursor.execute(statement, parameters)
        return list(cursor.fetchall())


@pytest.mark.django_db
@pytest.mark.parametrize("table", tables_of_people())
class TestCatalogue:
    def test_the_bucket_is_a_smallint_and_first_in_every_unique_index(self, table: str) -> None:
        indexes = query(
            "SELECT i.indexrelid::regclass::text, a.attname, a.atttypid::regtype::text "
            "FROM pg_index i JOIN pg_attribute a ON a.attrelid = i.indrelid AND a.attnum = i.indkey[0] "
            "WHERE i.indrelid = %s::regclass AND i.indisunique",
            table,
        )
        assert indexes
        assert [
            (name, column, kind) for name, column, kind in indexes if (column, kind) != ("bucket", "smallint")
        ] == []

    def test_there_is_a_primary_key_and_every_index_begins_with_the_bucket(self, table: str) -> None:
        firsts = query(
            "SELECT i.indisprimary, a.attname FROM pg_index i JOIN pg_class c ON c.oid = i.indexrelid "
            "JOIN pg_attribute a ON a.attrelid = i.indrelid AND a.attnum = i.indkey[0] "
            "WHERE i.indrelid = %s::regclass AND c.relname <> ALL(%s)",
            table,
            list(LISTS_OVER_EVERYBODY),
        )
        assert [name for is_primary, name in firsts if is_primary] == ["bucket"]
        assert {name for _, name in firsts} == {"bucket"}

    def test_nothing_is_made_up_by_the_database(self, table: str) -> None:
        assert query("SELECT adnum FROM pg_attrdef WHERE adrelid = %s::regclass", table) == []
        assert (
            query("SELECT attname FROM pg_attribute WHERE attrelid = %s::regclass AND attidentity <> ''", table) == []
        )
        assert query("SELECT tgname FROM pg_trigger WHERE tgrelid = %s::regclass", table) == []

    def test_no_foreign_key_is_enforced(self, table: str) -> None:
        ends = "SELECT conname FROM pg_constraint WHERE contype = 'f' AND %s::regclass IN (conrelid, confrelid)"
        assert query(ends, table) == []


@pytest.fixture
def statements(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Every statement that goes out over psycopg, Django's included."""
    recorded: list[str] = []
    execute, copy = psycopg.Cursor.execute, psycopg.Cursor.copy

    def text_of(statement: Any) -> str:
        if isinstance(statement, sql.Composable):
            return statement.as_string(None)
        return statement.decode() if isinstance(statement, bytes) else str(statement)

    def recording_execute(self: Any, statement: Any, *args: Any, **kwargs: Any) -> Any:
        recorded.append(text_of(statement))
        return execute(self, statement, *args, **kwargs)

    def recording_copy(self: Any, statement: Any, *args: Any, **kwargs: Any) -> Any:
        recorded.append(text_of(statement))
        return copy(self, statement, *args, **kwargs)

    monkeypatch.setattr(psycopg.Cursor, "execute", recording_execute)
    monkeypatch.setattr(psycopg.Cursor, "copy", recording_copy)
    return recorded


@pytest.fixture
def flow(shop: Shop, client: Client, statements: list[str]) -> list[str]:
    """What a day sends to the database: upload, processing with all its branches, reading back, delivery, chores."""
    for how in ("none", "ten_minutes"):
        output = factories.output(shop.workspace, url="http://127.0.0.1:9/", gather=how)
        factories.connection(shop.source, output)
    token = token_of(shop.workspace, Role.EDITOR)
    statements.clear()
    shop.post([batch(custom_event(), customer="u-1"), {"events": 7}], "v2/bulkevents")
    for number in range(3):
        shop.post(
            batch(
                custom_event(source_message_id=f"m-{number % 2}"),
                customer=f"u-{number}",
                device="d-1",
                source_request_id=f"r-{number % 2}",
                user_attributes={"a": number},
            )
        )
    shop.post(batch(custom_event(), mpid=4711, user_identities={"email": "a@b"}))
    shop.drain()
    shop.process(batch(custom_event("Second", session_uuid="s-1"), customer="u-1", user_attributes={"b": 1}))
    shop.process(batch(custom_event("Third", session_uuid="s-1"), customer="u-1"))
    call_command("inbox", stdout=StringIO())
    deliver(clock.now())
    deliver(clock.now() + timedelta(hours=80))
    read_back(client, shop, token)
    shop.drain()
    with connect(autocommit=True) as own:
        assert gather(own, clock.now() + timedelta(minutes=11)) > 0
        retention.make_days_ahead(own, clock.now())
        forget_old(own, clock.now() + timedelta(days=40))
        look_after_counts(own, shop)
    return [statement for statement in statements if not is_definition(statement)]


def read_back(client: Client, shop: Shop, token: str) -> None:
    """Every address of our own API, then what was put aside and given up once more."""
    base, bearer = f"/api/v1/workspaces/{shop.workspace.pk}", {"authorization": f"Bearer {token}"}
    (aside,) = (each["batch_id"] for each in client.get(f"{base}/quarantine", headers=bearer).json()["results"])
    event = client.get(f"{base}/events", headers=bearer).json()["results"][0]
    for path in (
        "events",
        "events?identity_type=customer_id&identity=u-1",
        f"events/{event['event_id']}",
        "profiles?identity_type=email&identity=a@b",
        f"profiles/{event['mpid']}",
        f"profiles/{event['mpid']}/sessions",
        "deliveries",
        "alerts?from=2020-01-01T00:00&to=2020-01-02T00:00",
        "alerts",
        "verdicts",
        "verdicts?by=hour",
        "outcomes",
        "quarantine",
        f"quarantine/{aside}",
    ):
        assert client.get(f"{base}/{path}", headers=bearer).status_code == 200
    for path, body in (("quarantine/retry", {"reason": "malformed"}), ("deliveries/retry", {"state": "parked"})):
        moved = client.post(f"{base}/{path}", body, "application/json", headers=bearer).json()
        assert moved.get("batches", 0) + moved.get("items", 0) > 0


def look_after_counts(connection: Connection, shop: Shop) -> None:
    """Close sessions, compact counts, merge and count active people, forget what is old."""
    now = clock.now()
    assert idle_sessions.close_idle(connection, now + timedelta(hours=1)) == 1
    for each in (accounting.HOURLY, verdicts.ROLLUP, alerts.ROLLUP):
        assert rollups.compact(connection, each, now + timedelta(hours=100)) > 0
    assert active_days.merge(connection) > 0
    assert active_people(shop.workspace.pk, Environment.PRODUCTION, clock.day_of(now), clock.day_of(now)).total == 3
    retention.forget_old_sessions(connection, now)
    assert retention.forget_old_quarantine(connection, now + timedelta(days=40)) == 1


def deliver(at: datetime) -> None:
    """Try everything that is due at that time."""
    with clock.frozen(at):
        deliveries = Deliveries()
        deliveries.drain()
        deliveries.close()


def is_definition(statement: str) -> bool:
    """Making and dropping partitions, under the lock that keeps two makers from failing slowly."""
    return (
        statement.lstrip().upper().startswith(("CREATE", "ALTER", "DROP", "SET ", "SELECT PG_ADVISORY_XACT_LOCK(HASH"))
    )


def touches(statement: str, tables: list[str]) -> bool:
    """The statement names one of the tables or one of their partitions."""
    return re.search(rf"\b({'|'.join(tables)})(_\d+)?\b", statement) is not None


def test_every_statement_on_a_persons_table_carries_the_bucket(flow: list[str]) -> None:
    tables = tables_of_people()
    on_people = [statement for statement in flow if touches(statement, tables)]
    assert len(on_people) > 30
    assert [statement for statement in on_people if not re.search(r"\bbucket\b", statement)] == []


def test_rows_are_locked_by_bucket(flow: list[str]) -> None:
    locking = [
        statement
        for statement in flow
        if "FOR UPDATE" in statement.upper() and touches(statement, [*tables_of_people(), "lane"])
    ]
    assert locking
    assert [statement for statement in locking if not re.search(r"\bbucket\"? = ", statement)] == []


FORBIDDEN = re.compile(
    r"\b(now|random|clock_timestamp|nextval|gen_random_uuid|pg_\w*advisory\w*)\s*\(|\bMERGE\b|\bCURRENT_"
)


def test_times_ids_and_locks_come_from_the_application(flow: list[str]) -> None:
    assert [statement for statement in flow if FORBIDDEN.search(statement)] == []


OF_BULK = re.compile(r'INSERT INTO "\w+" \(("\w+",?)+\) SELECT (k\."\w+"(::\w+)?,?)+ FROM unnest\(\$1::')


def test_bulk_writes_are_all_of_one_form(flow: list[str]) -> None:
    """So that `kernel.bulk` alone decides how rows go in: Citus wants VALUES where PostgreSQL likes arrays."""
    tables = tables_of_people()
    writing = [each for each in flow if each.lstrip().upper().startswith("INSERT") and touches(each, tables)]
    assert writing
    assert [each for each in writing if not OF_BULK.match(each)] == []
