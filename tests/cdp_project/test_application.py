"""The whole application behind an ASGI server: bounds on bodies, ways to the threads, start and stop."""

import asyncio
import json
from collections.abc import Iterator
from typing import Any

import pytest
from django.db import connections
from pytest_django import Settings

from cdp_project import application as module
from cdp_project.application import Application
from tests.cdp_project.asgi_client import Answer, ask
from tests.events.conftest import Intake, intake

__all__ = ["intake"]


@pytest.fixture(params=[True, False], ids=["fast", "views"])
def application(
    request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch, settings: Settings
) -> Iterator[Application]:
    """Uploads by the fast lane, and by Django's views."""
    settings.CDP_FAST_LANE = request.param
    monkeypatch.setattr(module, "BODY_SECONDS_MOST", 0.2)
    made = Application()
    made._bodies.bytes_most = 1000
    made._bodies.total_bytes_most = 1500
    yield made
    asyncio.run(made.close())


def post(application: Application, intake: Intake, *pieces: bytes | None, **more: Any) -> Answer:
    headers = {"authorization": intake.authorization, **more.pop("headers", {})}
    return asyncio.run(ask(application, "POST", "/v2/events", pieces, headers, **more))


def test_a_body_in_pieces_is_stored_as_one(application: Application, intake: Intake) -> None:
    answer = post(application, intake, b'{"user_identities":', b"", b'{"email":"a@b.c"}}')

    assert (answer.status, answer.body) == (202, b"")
    assert [bytes(row.body) for row in intake.stored()] == [b'{"user_identities":{"email":"a@b.c"}}']
    assert application._bodies.held == 0


@pytest.mark.parametrize("headers", [{"content-length": "1001"}, {}])
def test_a_body_beyond_the_bound_is_413_with_or_without_a_length(
    application: Application, intake: Intake, headers: dict[str, str]
) -> None:
    answer = post(application, intake, b"x" * 500, b"x" * 501, b"never read", headers=headers)

    assert answer.status == 413
    assert json.loads(answer.body)["code"] == "REQUEST_TOO_LARGE"
    assert answer.headers["connection"] == "close"
    assert intake.stored() == []
    assert application._bodies.held == 0


def test_a_sender_that_dawdles_is_408(application: Application, intake: Intake) -> None:
    answer = post(application, intake, b'{"user', then_silent=True)

    assert answer.status == 408
    assert json.loads(answer.body)["code"] == "REQUEST_TIMEOUT"
    assert intake.stored() == []


def test_a_sender_that_stalls_is_408_long_before_the_time_for_a_body_is_over(
    application: Application, intake: Intake
) -> None:
    bodies = application._bodies
    bodies.seconds_most, bodies.stride_seconds, bodies.stride_bytes = 3600, 0.2, 100

    # Two strides in time, then one that is too short.
    answer = post(application, intake, b"x" * 150, b"x" * 150, b"x" * 50, then_silent=True)

    assert answer.status == 408
    assert bodies.held == 0


def test_each_path_has_the_bound_of_what_it_takes() -> None:
    application = Application()
    try:
        for path, most in {"/v2/events": 256 * 1024 + 64_000, "/oauth/token": 1_000_000}.items():
            headers = {"content-length": str(most + 1)}
            refused = asyncio.run(ask(application, "POST", path, [b""], headers))
            assert (refused.status, str(most) in refused.body.decode()) == (413, True)
    finally:
        for threads in (application._intake, application._pages, application._health):
            threads.close()


def test_stalled_pages_leave_intake_its_own_account(application: Application, intake: Intake) -> None:
    application._page_bodies.total_bytes_most = 10

    page = asyncio.run(ask(application, "POST", "/oauth/token", [b"x" * 11], {}))
    answer = post(application, intake, b'{"user_identities":{"email":"a@b.c"}}')

    assert (page.status, answer.status) == (503, 202)


def test_a_client_that_goes_away_leaves_nothing(application: Application, intake: Intake) -> None:
    answer = post(application, intake, b"{}", None)

    assert answer.status == 0
    assert intake.stored() == []
    assert application._bodies.held == 0


def test_bodies_together_are_bounded_too(application: Application, intake: Intake) -> None:
    async def both() -> tuple[Answer, Answer]:
        slow = ask(application, "POST", "/v2/events", [b"x" * 900], {}, then_silent=True)
        task = asyncio.create_task(slow)
        while application._bodies.held < 900:
            await asyncio.sleep(0)
        return await ask(application, "POST", "/v2/events", [b"x" * 601], {}), await task

    refused, slow = asyncio.run(both())

    assert refused.status == 503
    assert refused.headers["retry-after"] == "1"
    assert slow.status == 408
    assert application._bodies.held == 0


def test_health_goes_its_own_way(application: Application, transactional_db: None) -> None:
    ready = asyncio.run(ask(application, "GET", "/readyz", headers={"host": "10.1.2.3:8000"}))
    alive = asyncio.run(ask(application, "GET", "/healthz"))

    assert (ready.status, json.loads(ready.body)["status"]) == (200, "ready")
    assert (alive.status, json.loads(alive.body)) == (200, {"status": "alive"})


@pytest.mark.parametrize("query", [b"\xff\xfe", b"a=%ff&verbose=1", b"&&=;"])
def test_odd_queries_are_no_fault(application: Application, intake: Intake, query: bytes) -> None:
    assert post(application, intake, b"{}", query=query).status == 202


def test_an_outage_is_503_through_all_layers(
    application: Application, intake: Intake, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(connections["default"].settings_dict, "PORT", "1")

    answer = post(application, intake, b"{}")

    assert answer.status == 503
    assert int(answer.headers["retry-after"]) > 0


def test_it_starts_and_stops(application: Application) -> None:
    said: list[str] = []

    async def lifespan() -> None:
        messages = iter(["lifespan.startup", "lifespan.shutdown"])

        async def receive() -> dict[str, str]:
            return {"type": next(messages)}

        async def send(message: Any) -> None:
            said.append(message["type"])

        await application({"type": "lifespan"}, receive, send)

    asyncio.run(lifespan())

    assert said == ["lifespan.startup.complete", "lifespan.shutdown.complete"]
