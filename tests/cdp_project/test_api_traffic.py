"""What every answer of our own API has about it: ids, traces, budgets; and methods that do not fit."""

import asyncio
import json
from datetime import UTC, datetime
from typing import Any

import pytest
from django.test import Client

from cdp_project.application import Application
from cdp_project.kernel import clock
from cdp_project.workspaces import request_budget
from cdp_project.workspaces.models import Role, Workspace
from tests import factories
from tests.cdp_project.asgi_client import Answer, ask
from tests.cdp_project.kernel.test_logs import entries, lines
from tests.identity.test_api import token_of

__all__ = ["lines"]

TRACE = "4bf92f3577b34da6a3ce929d0e0e4736"
TRACEPARENT = f"00-{TRACE}-00f067aa0ba902b7-01"
PROBLEM = "application/problem+json"
NOON = datetime(2026, 3, 1, 12, 0, 20, tzinfo=UTC)


def events_of(workspace: Workspace) -> str:
    return f"/api/v1/workspaces/{workspace.pk}/events"


def read(workspace: Workspace, token: str, **more: Any) -> Any:
    return Client().get(events_of(workspace), headers={"Authorization": f"Bearer {token}", **more})


def over_asgi(path: str, **headers: str) -> Answer:
    application = Application()
    try:
        return asyncio.run(ask(application, "GET", path, headers=headers))
    finally:
        asyncio.run(application.close())


@pytest.mark.parametrize("path", ["/api/v1/workspaces/1/events", "/api/v1/nothing"])
def test_a_problem_names_its_request_and_each_log_line_its_trace(db: None, lines: Any, path: str) -> None:
    answer = over_asgi(path, **{"x-request-id": "r-7", "traceparent": TRACEPARENT})

    assert answer.headers["x-request-id"] == json.loads(answer.body)["request_id"] == "r-7"
    version, trace, span, flags = answer.headers["traceparent"].split("-")
    assert (version, trace, flags) == ("00", TRACE, "01")
    assert span != TRACEPARENT.split("-")[2]
    said = entries(lines)
    assert said
    assert {(each["request_id"], each["trace_id"], each["span_id"]) for each in said} == {("r-7", TRACE, span)}


@pytest.mark.parametrize("given", ["00-x-y-01", "", TRACEPARENT.upper()])
def test_a_trace_that_is_not_valid_is_ignored(db: None, lines: Any, given: str) -> None:
    answer = over_asgi("/api/v1/nothing", traceparent=given)

    assert answer.status == 404
    assert "traceparent" not in answer.headers
    assert all("trace_id" not in each for each in entries(lines))


def test_each_answer_says_what_is_left_of_the_minute(workspace: Workspace, empty_cache: None, settings: Any) -> None:
    settings.CDP_API_REQUESTS_PER_MINUTE = 3
    token, neighbour = token_of(workspace), token_of(workspace)
    with clock.frozen(NOON):
        answers = [read(workspace, token) for _ in range(5)]
        others = read(workspace, neighbour)

    assert [answer.status_code for answer in answers] == [200, 200, 200, 429, 429]
    assert [answer["RateLimit-Remaining"] for answer in answers] == ["2", "1", "0", "0", "0"]
    assert {(answer["RateLimit-Limit"], answer["RateLimit-Reset"]) for answer in answers} == {("3", "40")}
    refused = answers[-1]
    assert (refused["Content-Type"], refused["Retry-After"]) == (PROBLEM, "40")
    assert refused.json()["code"] == "throttled"
    assert "results" not in refused.json()
    assert others.status_code == 200
    with clock.frozen(NOON.replace(minute=1)):
        assert read(workspace, token).status_code == 200


def test_refusals_count_and_strangers_do_not(workspace: Workspace, empty_cache: None, settings: Any) -> None:
    settings.CDP_API_REQUESTS_PER_MINUTE = 2
    token, foreign = token_of(workspace), factories.workspace()
    with clock.frozen(NOON):
        assert read(foreign, token)["RateLimit-Remaining"] == "1"
        strangers = [read(workspace, "wrong") for _ in range(4)]

    assert [answer.status_code for answer in strangers] == [401] * 4
    assert all("RateLimit-Limit" not in answer for answer in strangers)


@pytest.mark.parametrize(("limit", "url"), [(0, None), (1, "redis://127.0.0.1:1/0")])
def test_off_or_without_valkey_nothing_is_counted(
    workspace: Workspace, settings: Any, monkeypatch: pytest.MonkeyPatch, limit: int, url: str | None
) -> None:
    monkeypatch.setattr(request_budget, "_health", request_budget._Health())
    settings.CDP_API_REQUESTS_PER_MINUTE = limit
    settings.REDIS_URL = url or settings.REDIS_URL
    token = token_of(workspace)

    answers = [read(workspace, token) for _ in range(3)]

    assert [answer.status_code for answer in answers] == [200] * 3
    assert all("RateLimit-Limit" not in answer for answer in answers)


def test_nobody_keeps_a_copy_of_people(workspace: Workspace) -> None:
    token = token_of(workspace)
    assert read(workspace, token)["Cache-Control"] == "no-store"
    assert read(workspace, "wrong")["Cache-Control"] == "no-store"
    assert "no-store" not in Client().get("/api/schema/").headers.get("Cache-Control", "")


def test_methods_and_types_that_do_not_fit_are_problems(workspace: Workspace) -> None:
    token = token_of(workspace, Role.EDITOR)
    authorized = {"Authorization": f"Bearer {token}"}
    client, path = Client(), events_of(workspace)
    retry = f"/api/v1/workspaces/{workspace.pk}/deliveries/retry"

    method = client.put(path, "{}", "application/json", headers=authorized)
    accepted = client.get(path, headers={**authorized, "Accept": "text/html"})
    sent = client.post(retry, "<a/>", "application/xml", headers=authorized)

    found = [(answer.status_code, answer["Content-Type"], answer.json()["code"]) for answer in (method, accepted, sent)]
    assert found == [
        (405, PROBLEM, "method_not_allowed"),
        (406, PROBLEM, "not_acceptable"),
        (415, PROBLEM, "unsupported_media_type"),
    ]
    assert method["Allow"] == "GET, HEAD, OPTIONS"


def test_head_and_options_tell_without_showing(workspace: Workspace) -> None:
    authorized = {"Authorization": f"Bearer {token_of(workspace)}"}
    client, path = Client(), events_of(workspace)

    head = client.head(path, headers=authorized)
    options = client.options(path, headers=authorized)

    assert (head.status_code, head.content) == (200, b"")
    assert (options.status_code, options.json()) == (200, {"methods": ["GET", "HEAD", "OPTIONS"]})
    assert client.options(path).status_code == 401
    token = client.get("/oauth/token")
    assert (token.status_code, token["Content-Type"], token["Allow"]) == (405, PROBLEM, "POST, OPTIONS")
