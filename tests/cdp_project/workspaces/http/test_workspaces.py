"""Workspaces over HTTP: one's own, and for the installation's credentials all of them, from outside."""

import json
from io import StringIO
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.test import Client

from cdp_project.workspaces.models import ApiCredential, AuditEntry, Role, Workspace
from tests import factories
from tests.api_client import ApiClient

pytestmark = pytest.mark.django_db
NEW = {"slug": "acme", "name": "Acme"}


def run(*arguments: str) -> str:
    out = StringIO()
    call_command("credentials", *arguments, stdout=out)
    return out.getvalue()


def token_of(pair: dict[str, str]) -> str:
    body = {"grant_type": "client_credentials", "client_id": pair["client_id"], "client_secret": pair["client_secret"]}
    return str(Client().post("/oauth/token", body, "application/json").json().get("access_token", ""))


def call(token: str, method: str, path: str, body: object = None, **headers: str) -> Any:
    more: dict[str, Any] = {} if body is None else {"data": body, "content_type": "application/json"}
    sent = {"authorization": f"Bearer {token}", **{name.replace("_", "-"): each for name, each in headers.items()}}
    return getattr(Client(), method)(f"/api/v1/workspaces{path}", headers=sent, **more)


@pytest.fixture
def pair(db: None, empty_cache: None) -> dict[str, str]:
    """Credentials of the installation, as the operator makes them."""
    found: dict[str, str] = json.loads(run("--installation", "--json"))
    return found


@pytest.fixture
def operator(pair: dict[str, str]) -> str:
    return token_of(pair)


def test_the_installation_lists_and_makes_workspaces(operator: str, workspace: Workspace) -> None:
    made = call(operator, "post", "", NEW)
    assert made.status_code == 201
    row = made.json()
    assert (row["slug"], row["name"], row["credential"]["role"]) == ("acme", "Acme", "admin")
    assert [each["slug"] for each in call(operator, "get", "").json()["results"]] == [workspace.slug, "acme"]
    assert row["credential"]["client_secret"] not in call(operator, "get", "").text

    own = token_of(row["credential"])
    read = call(own, "get", f"/{row['id']}")
    assert (read.json(), read["etag"]) == ({k: v for k, v in row.items() if k != "credential"}, made["etag"])
    assert call(own, "post", f"/{row['id']}/inputs", {"kind": "feed", "name": "x"}).status_code == 201
    told = str(list(AuditEntry.objects.filter(workspace=row["id"]).values()))
    assert "Installation" in told
    assert row["credential"]["client_secret"] not in told


def test_the_installation_sees_nothing_inside(operator: str, workspace: Workspace) -> None:
    for path in ("", "/inputs", "/members", "/credentials", "/audit-log", "/events", "/quarantine", "/verdicts"):
        for name in (workspace.pk, workspace.slug, "None", "0"):
            assert call(operator, "get", f"/{name}{path}").status_code == 404
    assert call(operator, "patch", f"/{workspace.pk}", {"name": "Mine"}).status_code == 404
    assert call(operator, "post", f"/{workspace.pk}/inputs", {"kind": "feed", "name": "x"}).status_code == 404


def test_a_workspace_is_made_once_and_its_secret_repeated(operator: str) -> None:
    first, again = (call(operator, "post", "", NEW, idempotency_key="k-1") for _ in range(2))
    assert first.content == again.content
    assert Workspace.objects.filter(slug="acme").count() == ApiCredential.objects.exclude(workspace=None).count() == 1


@pytest.mark.parametrize(
    ("body", "pointer"),
    [
        ({"slug": "acme"}, "/name"), ({"name": "Acme"}, "/slug"), ({"slug": "17", "name": "x"}, "/slug"),
        ({"slug": "a b", "name": "x"}, "/slug"), ({"slug": "taken", "name": "x"}, "/slug"),
        ({**NEW, "scope_id": 1}, "/scope_id"),
    ],
)  # fmt: skip
def test_what_cannot_be_a_workspace_is_told_by_pointer(operator: str, body: object, pointer: str) -> None:
    factories.workspace(slug="taken")
    answer = call(operator, "post", "", body)
    assert [each["pointer"] for each in answer.json()["errors"]] == [pointer]
    assert Workspace.objects.count() == 1


def test_others_see_their_own_and_make_none(workspace: Workspace) -> None:
    api = ApiClient(workspace)
    foreign = factories.workspace()
    listed = api.get("/api/v1/workspaces").json()["results"]
    assert [each["id"] for each in listed] == [workspace.pk]
    assert api.get(f"/api/v1/workspaces/{workspace.pk}").json() == listed[0]
    assert api.get(f"/api/v1/workspaces/{foreign.pk}").status_code == 404
    refused = api.post("/api/v1/workspaces", NEW)
    assert (refused.status_code, refused.json()["code"]) == (403, "installation_only")
    assert not Workspace.objects.filter(slug="acme").exists()


def test_admins_rename_their_workspace(workspace: Workspace) -> None:
    api, address = ApiClient(workspace), f"/api/v1/workspaces/{workspace.pk}"
    version = Workspace.objects.get(pk=workspace.pk).config_version
    tag = api.get(address)["etag"]
    assert api.patch(address, {"name": "New"}, if_match=tag).json()["name"] == "New"
    assert Workspace.objects.get(pk=workspace.pk).config_version == version + 1
    assert api.patch(address, {"name": "Newer"}, if_match=tag).status_code == 412
    assert api.patch(address, {"slug": "x"}).json()["errors"][0]["pointer"] == "/slug"
    assert ApiClient(workspace, Role.EDITOR).patch(address, {"name": "x"}).status_code == 403
    assert ApiClient(factories.workspace()).patch(address, {"name": "x"}).status_code == 404
    assert Workspace.objects.get(pk=workspace.pk).name == "New"


def test_the_operator_revokes_what_was_made(pair: dict[str, str], operator: str, workspace: Workspace) -> None:
    own = ApiClient(workspace).credential
    for stranger in ("nobody", own.client_id):
        with pytest.raises(CommandError, match="no such credential"):
            run("--revoke", stranger)
    assert pair["client_id"] in run("--revoke", pair["client_id"])
    assert call(operator, "get", "").status_code == 401
    assert token_of(pair) == ""
    own.refresh_from_db()
    assert own.revoked_at is None
