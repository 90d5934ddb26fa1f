"""Fixtures for everybody, and the suite that each test belongs to."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from django.core.cache import cache
from django.core.management.commands import flush
from django.db.backends.postgresql.operations import DatabaseOperations

from cdp_project.workspaces.models import Workspace
from events.intake.desk import desk
from events.models import Input
from tests import factories
from tests.shop import Shop

TESTS = Path(__file__).parent
SUITE_BY_FOLDER = {"browser": "browser", "clients": "clients", "faults": "faults", "wire": "wire"}
# Every flush would make these anew, row by row.
MADE_BY_MIGRATE = {"django_content_type", "auth_permission"}
DATABASE_FIXTURES = {"db", "transactional_db", "live_server"}


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Every test is in exactly one suite: by its folder, else by whether it needs the database."""
    for item in items:
        if item.get_closest_marker("soak") is None:
            item.add_marker(_suite_of(item))


def _suite_of(item: pytest.Item) -> str:
    folder = item.path.relative_to(TESTS).parts[0]
    if folder in SUITE_BY_FOLDER:
        return SUITE_BY_FOLDER[folder]
    fixtures = set(getattr(item, "fixturenames", ()))
    needs_database = item.get_closest_marker("django_db") is not None or fixtures & DATABASE_FIXTURES
    return "sql" if needs_database else "unit"


@pytest.fixture(scope="session", autouse=True)
def _quick_flush() -> Iterator[None]:
    """Tests leave few rows in many tables: deleting them takes milliseconds, truncating every table a second.

    The order does not matter: foreign keys are checked when the flush commits.
    """

    def delete_rows(operations: DatabaseOperations, _style: object, tables: list[str], **_options: object) -> list[str]:
        return [f"DELETE FROM {operations.quote_name(table)}" for table in tables if table not in MADE_BY_MIGRATE]

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(DatabaseOperations, "sql_flush", delete_rows)
        patch.setattr(flush, "emit_post_migrate_signal", lambda *_args, **_options: None)
        yield


@pytest.fixture(autouse=True)
def _no_later_numbers() -> Iterator[None]:
    """What was posted under a later clock must not make later what the next test posts."""
    yield
    desk.sequence._last = 0
    desk.sequence.draw_slot()


@pytest.fixture
def workspace(db: None) -> Workspace:
    """An empty workspace."""
    return factories.workspace()


@pytest.fixture
def feed(workspace: Workspace) -> Input:
    """An unbound server feed of the workspace."""
    return factories.feed(workspace)


@pytest.fixture
def web(workspace: Workspace) -> Input:
    """The workspace's web platform."""
    return factories.platform(workspace, "web")


@pytest.fixture
def empty_cache() -> None:
    """No counters of earlier tests in Valkey."""
    cache.clear()


@pytest.fixture
def shop(transactional_db: None, feed: Input) -> Iterator[Shop]:
    """A server feed that batches can be posted to, with a pipeline of its own."""
    shop = Shop(feed)
    yield shop
    shop.close()


@pytest.fixture
def app(transactional_db: None, web: Input) -> Iterator[Shop]:
    """The same with the web platform as input."""
    shop = Shop(web)
    yield shop
    shop.close()
