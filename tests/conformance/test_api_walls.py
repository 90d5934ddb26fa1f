"""Every address below /api/v1/, read off the URLconf: closed to strangers, strict with parameters, in the schema.

A new route joins by existing; one whose path needs another value than those below fails until it has one.
"""

import json
import re
from collections.abc import Iterator
from typing import Any
from urllib.parse import quote

import pytest
from django.test import Client
from django.urls import URLPattern, URLResolver, get_resolver

from cdp_project.workspaces.models import Role, Workspace
from tests import factories
from tests.identity.test_api import token_of

# What stands in an address, by its name there. None of them exists: the gate comes first.
VALUES = {"mpid": "1", "event_id": f"{1:032x}", "batch_id": f"{1:032x}"}
METHODS = ("get", "post", "put", "patch", "delete")
PREFIX = "api/v1/"


def routes(patterns: list[Any], before: str = "") -> Iterator[tuple[str, Any]]:
    """Routes as text with their views."""
    for each in patterns:
        route = before + str(each.pattern)
        if isinstance(each, URLResolver):
            yield from routes(each.url_patterns, route)
        elif isinstance(each, URLPattern) and route.startswith(PREFIX):
            yield route, each.callback


ROUTES = dict(routes(get_resolver().url_patterns))
CALLS = [
    (method, route)
    for route, view in ROUTES.items()
    for method in METHODS
    if hasattr(view.cls, method) and route.startswith(f"{PREFIX}workspaces/")
]


def address(route: str, workspace: Workspace) -> str:
    values = {**VALUES, "workspace_id": str(workspace.pk)}
    return "/" + re.sub(r"<(?:\w+:)?(\w+)>", lambda found: values[found[1]], route)


def call(client: Client, method: str, route: str, workspace: Workspace, token: str | None, query: str = "") -> Any:
    headers = {} if token is None else {"authorization": f"Bearer {token}"}
    body = {} if method == "get" else {"data": b"{}", "content_type": "application/json"}
    return getattr(client, method)(address(route, workspace) + query, headers=headers, **body)


def test_every_route_belongs_to_a_workspace_and_does_something() -> None:
    assert len(CALLS) >= len(ROUTES) > 10
    assert [route for route in ROUTES if not route.startswith(f"{PREFIX}workspaces/<str:workspace_id>/")] == []


# With transactions of its own: some reads begin one.
@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize(("method", "route"), CALLS)
class TestWalls:
    def test_without_a_token_it_is_401(self, client: Client, workspace: Workspace, method: str, route: str) -> None:
        for token in (None, "wrong"):
            answer = call(client, method, route, workspace, token)
            assert (answer.status_code, answer["Content-Type"]) == (401, "application/problem+json")
            assert answer["WWW-Authenticate"].startswith("Bearer")

    def test_a_foreign_token_is_404(self, client: Client, workspace: Workspace, method: str, route: str) -> None:
        foreign = token_of(factories.workspace(), Role.ADMIN)
        nowhere = Workspace(pk=workspace.pk + 1000)

        answers = [call(client, method, route, each, foreign) for each in (workspace, nowhere)]

        assert [answer.status_code for answer in answers] == [404, 404]
        # What is another's and what does not exist look the same.
        assert answers[0].content == answers[1].content

    def test_a_mistyped_parameter_is_400(self, client: Client, workspace: Workspace, method: str, route: str) -> None:
        answer = call(client, method, route, workspace, token_of(workspace, Role.ADMIN), "?enviroment=development")

        assert (answer.status_code, answer.json()["code"]) == (400, "bad_parameter")
        assert "'enviroment'" in answer.json()["detail"]

    def test_what_changes_something_needs_an_editor(
        self, client: Client, workspace: Workspace, method: str, route: str
    ) -> None:
        answer = call(client, method, route, workspace, token_of(workspace, Role.ANALYST))

        assert (answer.status_code == 403) == (method != "get")


NASTY = (
    "",
    " ",
    "-1",
    "0",
    "9" * 19,
    "9" * 400,
    "٣",
    "1e3",
    "NaN",
    "null",
    "x" * 5000,
    "\0",
    "a\0b",
    "';--",
    "9999-12-31T23:59:59+00:00",
    "9999-12-31T23:59:59-14:00",
    "0001-01-01T00:00+14:00",
    "2026-02-30",
    "ffffffff-ffff-ffff-ffff-ffffffffffff",
    "WzFd",
    "eyJhIjoxfQ",
)
NASTY_BODIES = (
    b"",
    b"null",
    b"[]",
    b"7",
    b'"x"',
    b"{",
    b'{"batch_ids": null}',
    b'{"input_id": 1e400}',
    b"\xff",
    b"[" * 9000,
)


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize(("method", "route"), CALLS)
def test_no_value_is_a_fault_of_the_server(
    schema: dict[str, Any], client: Client, workspace: Workspace, method: str, route: str
) -> None:
    headers = {"authorization": f"Bearer {token_of(workspace, Role.ADMIN)}"}
    names = [each["name"] for each in operation_of(schema, method, route)["parameters"] if each["in"] == "query"]
    plain, statuses = address(route, workspace), set()
    for value in NASTY:
        for name in names:
            if method == "get":
                statuses.add(client.get(plain, {name: value}, headers=headers).status_code)
        for name, usual in VALUES.items():
            if f":{name}>" in route and value.strip():
                nasty = plain.replace(usual, quote(value, safe=""))
                given = {} if method == "get" else {"data": b"{}", "content_type": "application/json"}
                statuses.add(getattr(client, method)(nasty, headers=headers, **given).status_code)
    for body in NASTY_BODIES if method != "get" else ():
        statuses.add(getattr(client, method)(plain, body, "application/json", headers=headers).status_code)

    assert statuses <= {200, 400, 404, 413}


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("route", [route for method, route in CALLS if method == "get"])
def test_a_nul_is_refused_by_the_name_of_its_parameter(
    schema: dict[str, Any], client: Client, workspace: Workspace, route: str
) -> None:
    headers = {"authorization": f"Bearer {token_of(workspace, Role.VIEWER)}"}
    for each in operation_of(schema, "get", route)["parameters"]:
        if each["in"] == "query":
            answer = client.get(address(route, workspace), {each["name"]: "a\0b"}, headers=headers)
            assert (answer.status_code, answer["Content-Type"]) == (400, "application/problem+json")
            assert f"The parameter {each['name']} " in answer.json()["detail"]
    nowhere = address(route, workspace).replace(f"/{workspace.pk}/", "/a%00b/")
    assert client.get(nowhere, headers=headers).status_code == 404


def operation_of(schema: dict[str, Any], method: str, route: str) -> dict[str, Any]:
    found: dict[str, Any] = schema["paths"]["/" + re.sub(r"<(?:\w+:)?(\w+)>", r"{\1}", route)][method]
    return found


@pytest.fixture(scope="module")
def schema() -> dict[str, Any]:
    answer = Client().get("/api/schema/", headers={"accept": "application/vnd.oai.openapi+json"})
    found: dict[str, Any] = json.loads(answer.content)
    return found


@pytest.mark.parametrize(("method", "route"), CALLS)
def test_the_schema_tells_everything(schema: dict[str, Any], method: str, route: str) -> None:
    operation = operation_of(schema, method, route)

    assert re.fullmatch(r"[a-z]+([A-Z][a-z]+)+", operation["operationId"])
    assert operation["description"]
    assert {"200", "400", "401", "403", "404"} <= operation["responses"].keys()
    assert [list(each) for each in operation["security"]] == [["bearer"]]
    assert "environment" in {each["name"] for each in operation["parameters"]}
    assert method != "get" or "requestBody" not in operation


def test_operation_ids_are_unique(schema: dict[str, Any]) -> None:
    ids = [each["operationId"] for path in schema["paths"].values() for each in path.values()]
    assert len(ids) == len(set(ids))
