"""Credentials over HTTP: the secret once, revoked at once, never above one's own role."""

import pytest
from django.test import Client

from cdp_project.workspaces.models import ApiCredential, AuditEntry, Role, Workspace
from tests import factories
from tests.api_client import ApiClient

pytestmark = pytest.mark.django_db


@pytest.fixture
def api(workspace: Workspace, empty_cache: None) -> ApiClient:
    return ApiClient(workspace)


def token_of(pair: dict[str, str]) -> str | None:
    """What the pair is exchanged for; None when it is refused."""
    body = {"grant_type": "client_credentials", "client_id": pair["client_id"], "client_secret": pair["client_secret"]}
    answer = Client().post("/oauth/token", body, "application/json")
    return str(answer.json()["access_token"]) if answer.status_code == 200 else None


def test_a_new_credential_works_and_its_secret_is_nowhere(
    api: ApiClient, capsys: pytest.CaptureFixture[str], caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("DEBUG")
    made = api.post("credentials", {"name": "Reports", "role": "viewer"})
    assert made.status_code == 201
    row = made.json()
    assert (row["name"], row["role"], row["revoked_at"]) == ("Reports", "viewer", None)
    token = token_of(row)
    headers = {"authorization": f"Bearer {token}"}
    assert Client().get(f"/api/v1/workspaces/{api.workspace.pk}/inputs", headers=headers).status_code == 200

    read = api.get(made["location"])
    assert (read.json(), read["etag"]) == ({k: v for k, v in row.items() if k != "client_secret"}, made["etag"])
    said = capsys.readouterr()
    listed = api.get("credentials").text
    for place in (listed, str(list(AuditEntry.objects.values())), said.out + said.err, caplog.text):
        assert row["client_secret"] not in place
        assert str(token) not in place


def test_a_revoked_credential_ends_with_its_tokens(api: ApiClient) -> None:
    row = api.post("credentials", {"name": "Reports", "role": "viewer"}).json()
    headers = {"authorization": f"Bearer {token_of(row)}"}
    assert api.delete(f"credentials/{row['id']}").status_code == 204

    assert Client().get(f"/api/v1/workspaces/{api.workspace.pk}/inputs", headers=headers).status_code == 401
    assert token_of(row) is None
    kept = api.get(f"credentials/{row['id']}").json()
    assert kept["revoked_at"] is not None
    assert api.delete(f"credentials/{row['id']}").status_code == 204
    assert api.get(f"credentials/{row['id']}").json() == kept
    assert AuditEntry.objects.filter(kind="API credential", action="changed").count() == 1


def test_lists_are_narrowed(api: ApiClient) -> None:
    viewer = api.post("credentials", {"name": "A", "role": "viewer"}).json()
    editor = api.post("credentials", {"name": "B", "role": "editor"}).json()
    api.delete(f"credentials/{viewer['id']}")

    def ids(query: str) -> list[int]:
        return [each["id"] for each in api.get(f"credentials?{query}").json()["results"]]

    assert ids("role=viewer") == ids("is_revoked=true") == ids(f"client_id={viewer['client_id']}") == [viewer["id"]]
    assert ids("role=editor") == [editor["id"]]
    assert ids("is_revoked=false") == [api.credential.pk, editor["id"]]
    assert api.get("credentials?role=40").status_code == 400


def test_a_role_is_changed_for_tokens_that_there_are(api: ApiClient) -> None:
    row = api.post("credentials", {"name": "A", "role": "editor"}).json()
    headers = {"authorization": f"Bearer {token_of(row)}"}
    address = f"/api/v1/workspaces/{api.workspace.pk}/inputs"
    assert api.patch(f"credentials/{row['id']}", {"role": "viewer"}).json()["role"] == "viewer"
    body = {"kind": "feed", "name": "x"}
    assert Client().post(address, body, "application/json", headers=headers).status_code == 403


@pytest.mark.parametrize(
    ("body", "pointer"),
    [({"role": "viewer"}, "/name"), ({"name": "x"}, "/role"), ({"name": "x", "role": "owner"}, "/role"),
     ({"name": "x", "role": "viewer", "client_id": "mine"}, "/client_id")],
)  # fmt: skip
def test_what_cannot_be_is_told_by_pointer(api: ApiClient, body: object, pointer: str) -> None:
    answer = api.post("credentials", body)
    assert [each["pointer"] for each in answer.json()["errors"]] == [pointer]
    assert ApiCredential.objects.count() == 1


def test_only_admins_and_only_their_own(workspace: Workspace) -> None:
    editor, foreign = ApiClient(workspace, Role.EDITOR), ApiClient(factories.workspace())
    own = f"credentials/{editor.credential.pk}"
    refused = [
        editor.get("credentials"), editor.get(own), editor.post("credentials", {"name": "x", "role": "viewer"}),
        editor.patch(own, {"role": "admin"}), editor.delete(own),
    ]  # fmt: skip
    assert {each.json()["code"] for each in refused} == {"role_too_low"}
    assert {foreign.get(own).status_code, foreign.patch(own, {}).status_code, foreign.delete(own).status_code} == {404}
    editor.credential.refresh_from_db()
    assert (editor.credential.role, editor.credential.revoked_at) == (Role.EDITOR, None)
