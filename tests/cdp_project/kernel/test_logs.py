"""Log lines: of refused requests neither queries nor tracebacks, and an id on each."""

import asyncio
import io
import json
import logging
from collections.abc import Iterator
from typing import Any

import pytest
from django.conf import settings
from django.core.exceptions import PermissionDenied, SuspiciousOperation
from django.http import Http404, HttpRequest, HttpResponse
from django.urls import path

from cdp_project.application import Application
from cdp_project.kernel import logs
from tests.cdp_project.asgi_client import Answer, ask

FAULTS = {"denied": PermissionDenied, "odd": SuspiciousOperation, "missing": Http404, "broken": RuntimeError}


def fail(_request: HttpRequest, fault: str) -> HttpResponse:
    raise FAULTS[fault]("no")


urlpatterns = [path("fail/<str:fault>", fail)]


@pytest.fixture
def lines() -> Iterator[io.StringIO]:
    """What is logged, by the formatter of the product."""
    root, kept = logging.getLogger(), logging.getLogger().handlers[:]
    logs.configure(settings.LOGGING)
    written = io.StringIO()
    ours = next(handler for handler in root.handlers if handler not in kept)
    assert isinstance(ours, logging.StreamHandler)
    ours.setStream(written)
    yield written
    root.handlers[:] = kept


def ask_for(address: str, **headers: str) -> Answer:
    application = Application()
    try:
        query = b"email=ada%40example.org&email=ada@example.org&client_secret=s3cret"
        return asyncio.run(ask(application, "GET", address, headers=headers, query=query))
    finally:
        for threads in (application._intake, application._pages, application._health):
            threads.close()


def entries(lines: io.StringIO) -> list[dict[str, Any]]:
    return [json.loads(line) for line in lines.getvalue().splitlines()]


@pytest.mark.urls(__name__)
@pytest.mark.parametrize(("fault", "status"), [("denied", 403), ("odd", 400), ("missing", 404), ("broken", 500)])
def test_a_refused_query_never_reaches_the_log(lines: io.StringIO, db: None, fault: str, status: int) -> None:
    answer = ask_for(f"/fail/{fault}", **{"x-request-id": "r-1"})

    said = entries(lines)
    assert (answer.status, answer.headers["x-request-id"]) == (status, "r-1")
    assert "ada" not in lines.getvalue()
    assert "s3cret" not in lines.getvalue()
    assert said
    assert {(each["path"], each["request_id"]) for each in said} == {(f"/fail/{fault}", "r-1")}
    assert {"exception" in each for each in said} == {status == 500}
    assert {each["level"] for each in said} == {"error" if status == 500 else "warning"}


def test_a_host_that_is_not_ours_is_one_warning_without_traceback(lines: io.StringIO, db: None) -> None:
    answer = ask_for("/admin/login/", host="evil.example")

    assert answer.status == 400
    assert answer.headers["x-request-id"]
    assert {(each["level"], each["request_id"]) for each in entries(lines)} == {
        ("warning", answer.headers["x-request-id"])
    }
    assert "Traceback" not in lines.getvalue()
    assert "ada" not in lines.getvalue()
