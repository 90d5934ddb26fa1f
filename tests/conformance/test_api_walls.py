"""Every address below /api/v1/, read off the URLconf: closed to strangers, strict with what it is given, in the schema.

A new route joins by existing. What belongs to others is the matter of `test_foreign_workspaces`.
"""

import re
from typing import Any
from urllib.parse import quote

import pytest
from django.test import Client

from cdp_project.kernel import clock
from cdp_project.workspaces import credentials, tokens
from cdp_project.workspaces.models import Role, Workspace
from tests.conformance.routes import API, Route, routes
from tests.identity.test_api import token_of

# What stands in an address behind these words, and a number behind others. None of them exists: the gate comes first.
NOBODYS_UUID, NOBODYS_NUMBER = f"{1:032x}", "4503599627370497"
OF_UUIDS = {"events", "quarantine"}
CALLS = [pytest.param(method, route, id=f"{method}-{route}") for route in routes(API) for method in route.methods]
UNSAFE = [each for each in CALLS if each.values[0] != "get"]


# What only a credential of the installation gets through to.
OF_THE_INSTALLATION = {("post", "api/v1/workspaces")}


def token_for(method: str, route: Route, workspace: Workspace) -> str:
    """Of a credential that may."""
    if (method, str(route)) not in OF_THE_INSTALLATION:
        return token_of(workspace, Role.ADMIN)
    credential, _ = credentials.issue_for_installation("test")
    return tokens.issue(credential, clock.now())


def address(route: Route, workspace: Workspace) -> str:
    def value_of(word: str) -> str:
        if word == "workspaces":
            return str(workspace.pk)
        return NOBODYS_UUID if word in OF_UUIDS else NOBODYS_NUMBER

    return route.address(value_of)


def call(client: Client, method: str, path: str, token: str | None, body: bytes = b"{}") -> Any:
    headers = {} if token is None else {"authorization": f"Bearer {token}"}
    given = {} if method == "get" else {"data": body, "content_type": "application/json"}
    return getattr(client, method)(path, headers=headers, **given)


def test_every_route_does_something() -> None:
    assert len(CALLS) >= len(routes(API)) > 10


# With transactions of its own: some reads begin one.
@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize(("method", "route"), CALLS)
class TestWalls:
    def test_without_a_token_it_is_401(self, client: Client, workspace: Workspace, method: str, route: Route) -> None:
        for token in (None, "", "wrong", "\u00e4"):
            answer = call(client, method, address(route, workspace), token)
            assert (answer.status_code, answer["Content-Type"]) == (401, "application/problem+json")
            assert answer["WWW-Authenticate"].startswith("Bearer")

    def test_a_mistyped_parameter_is_400(self, client: Client, workspace: Workspace, method: str, route: Route) -> None:
        path = f"{address(route, workspace)}?enviroment=development"
        answer = call(client, method, path, token_for(method, route, workspace))

        assert (answer.status_code, answer.json()["code"]) == (400, "bad_parameter")
        assert "'enviroment'" in answer.json()["detail"]


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize(("method", "route"), UNSAFE)
def test_what_changes_something_needs_an_editor(
    client: Client, workspace: Workspace, method: str, route: Route
) -> None:
    answer = call(client, method, address(route, workspace), token_of(workspace, Role.ANALYST))

    assert answer.status_code == 403


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
    b'{"input_id": 1' + b"0" * 400 + b"}",
    b'{"name": "\\u0000"}',
    b'{"name": "\\ud800"}',
    b"\xff",
    b"[" * 9000,
    b'{"settings": ' + b'{"a":' * 9000,
)


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize(("method", "route"), CALLS)
def test_no_value_is_a_fault_of_the_server(
    api_schema: dict[str, Any], client: Client, workspace: Workspace, method: str, route: Route
) -> None:
    token = token_for(method, route, workspace)
    names = [each["name"] for each in operation_of(api_schema, method, route)["parameters"] if each["in"] == "query"]
    plain, statuses = address(route, workspace), set()
    for value in NASTY:
        asked = [f"{plain}?{name}={quote(value, safe='')}" for name in names] if method == "get" else []
        others = {nobody for nobody in (NOBODYS_UUID, NOBODYS_NUMBER) if nobody in plain and value.strip()}
        asked += [plain.replace(nobody, quote(value, safe="")) for nobody in others]
        statuses |= {call(client, method, path, token).status_code for path in asked}
    for body in NASTY_BODIES if method != "get" else ():
        statuses.add(call(client, method, plain, token, body).status_code)

    assert statuses <= {200, 400, 404, 413}


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("route", [route for route in routes(API) if "get" in route.methods], ids=str)
def test_a_nul_is_refused_by_the_name_of_its_parameter(
    api_schema: dict[str, Any], client: Client, workspace: Workspace, route: Route
) -> None:
    headers = {"authorization": f"Bearer {token_of(workspace, Role.ADMIN)}"}
    for each in operation_of(api_schema, "get", route)["parameters"]:
        if each["in"] == "query":
            answer = client.get(address(route, workspace), {each["name"]: "a\0b"}, headers=headers)
            assert (answer.status_code, answer["Content-Type"]) == (400, "application/problem+json")
            assert f"The parameter {each['name']} " in answer.json()["detail"]
    if route.words:
        nowhere = address(route, workspace).replace(f"/{workspace.pk}", "/a%00b", 1)
        assert client.get(nowhere, headers=headers).status_code == 404


def operation_of(schema: dict[str, Any], method: str, route: Route) -> dict[str, Any]:
    found: dict[str, Any] = schema["paths"][route.in_schema][method]
    return {"parameters": [], **found}


@pytest.mark.parametrize(("method", "route"), CALLS)
def test_the_schema_tells_everything(api_schema: dict[str, Any], method: str, route: Route) -> None:
    operation = operation_of(api_schema, method, route)

    assert re.fullmatch(r"[a-z]+([A-Z][a-z]+)+", operation["operationId"])
    assert operation["description"]
    assert {"400", "401", "403"} <= operation["responses"].keys()
    assert "404" in operation["responses"] or not route.words
    assert operation["responses"].keys() & {"200", "201", "202", "204"}
    assert [list(each) for each in operation["security"]] == [["bearer"]]
    assert method != "get" or "requestBody" not in operation


def test_operation_ids_are_unique(api_schema: dict[str, Any]) -> None:
    ids = [each["operationId"] for path in api_schema["paths"].values() for each in path.values()]
    assert len(ids) == len(set(ids))
