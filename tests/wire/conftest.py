"""The neighbours of the conformance tests, and web processes of one's own."""

from collections.abc import Iterator

import pytest
from pytest_django import DjangoDbBlocker

from tests.conformance.conftest import estates
from tests.shop import Shop
from tests.wire.uploads import Uploads
from tests.wire.web import Web, running_web

__all__ = ["estates"]


@pytest.fixture(scope="module", params=["fast lane", "views"])
def running(
    request: pytest.FixtureRequest,
    tmp_path_factory: pytest.TempPathFactory,
    django_db_setup: None,
    django_db_blocker: DjangoDbBlocker,
) -> Iterator[Web]:
    """A process for all tests of a file, by either path of the intake."""
    with django_db_blocker.unblock():
        lane = "1" if request.param == "fast lane" else "0"
        with running_web(tmp_path_factory.mktemp("web"), CDP_FAST_LANE=lane) as web:
            yield web


@pytest.fixture
def web(running: Web, transactional_db: None) -> Iterator[Web]:
    """The process, which in the end has met no fault of its own and is as well as before."""
    yield running
    for line in running.lines:
        line.close()
    running.lines.clear()
    assert "Traceback" not in running.log.read_text(errors="replace")


@pytest.fixture
def uploads(web: Web, shop: Shop) -> Uploads:
    return Uploads(web, shop)
