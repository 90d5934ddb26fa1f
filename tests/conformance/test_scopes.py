"""Scopes of every endpoint below /api/v1/, read off the URLconf: declared, in the schema, and kept.

A new endpoint joins by existing, and fails here until it declares its scope.
"""

import json
import re
from typing import Any

import pytest
from django.test import Client
from drf_spectacular.generators import EndpointEnumerator

from cdp_project.kernel import clock
from cdp_project.workspaces import credentials, tokens
from cdp_project.workspaces.audit import Actor
from cdp_project.workspaces.models import ApiCredential, Role, Workspace
from cdp_project.workspaces.scopes import MEANINGS, SCOPE, Scope, Scopes

ENDPOINTS = [
    (method, path, callback)
    for path, _regex, method, callback in EndpointEnumerator().get_api_endpoints()  # type: ignore[no-untyped-call]
    if path.startswith("/api/v1/")
]
CALLS = [(method, path) for method, path, _ in ENDPOINTS]
WORKSPACE = "{workspace_id}"


def scope_of(method: str, path: str) -> Scope | None:
    callback = next(each for *call, each in ENDPOINTS if call == [method, path])
    return getattr(getattr(callback.cls, method.lower()), SCOPE, None)


def token_with(workspace: Workspace, scopes: Scopes) -> str:
    credential = ApiCredential(workspace=workspace, name="narrow", role=Role.ADMIN)
    credentials.issue(Actor("test"), credential)
    return tokens.issue(credential, clock.now(), scopes)


def call(client: Client, method: str, path: str, workspace: Workspace, token: str) -> Any:
    address = re.sub(r"{\w+}", "1", path.replace(WORKSPACE, str(workspace.pk)))
    return client.generic(
        method, address, "{}", content_type="application/json", headers={"Authorization": f"Bearer {token}"}
    )


@pytest.mark.parametrize(("method", "path"), CALLS)
def test_every_endpoint_declares_what_it_needs(method: str, path: str) -> None:
    scope = scope_of(method, path)

    assert scope is not None, f"{method} {path}: build its view by workspaces.reading or workspaces.resources."
    assert (scope is Scope.READ) <= (method == "GET")


@pytest.fixture(scope="module")
def schema() -> dict[str, Any]:
    answer = Client().get("/api/schema/", headers={"accept": "application/vnd.oai.openapi+json"})
    found: dict[str, Any] = json.loads(answer.content)
    return found


@pytest.mark.parametrize(("method", "path"), CALLS)
def test_the_schema_tells_the_scope(schema: dict[str, Any], method: str, path: str) -> None:
    assert schema["paths"][path][method.lower()]["security"] == [{"bearer": [scope_of(method, path)]}]
    told = schema["components"]["securitySchemes"]["bearer"]["flows"]["clientCredentials"]
    assert told == {"tokenUrl": "/oauth/token", "scopes": {str(scope): text for scope, text in MEANINGS.items()}}


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize(("method", "path"), [each for each in CALLS if WORKSPACE in each[1]])
def test_a_token_with_every_other_scope_is_not_enough(
    client: Client, workspace: Workspace, method: str, path: str
) -> None:
    needed = scope_of(method, path)
    others = frozenset(Scope) - {needed}

    refused = call(client, method, path, workspace, token_with(workspace, others))
    enough = call(client, method, path, workspace, token_with(workspace, frozenset(Scope) - others))

    assert (refused.status_code, refused.json()["code"]) == (403, "scope_too_small")
    assert f"the scope {needed};" in refused.json()["detail"]
    assert enough.status_code != 403
