"""Members over HTTP: let in by name, given other roles, sent away; and always an admin left."""

from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.db import connections

from cdp_project.workspaces.models import AuditEntry, Membership, Role, Workspace
from tests import factories
from tests.api_client import ApiClient

pytestmark = pytest.mark.django_db


@pytest.fixture
def api(workspace: Workspace) -> ApiClient:
    return ApiClient(workspace)


@pytest.fixture
def ann(db: None) -> User:
    """Somebody who can sign in, and is no member here."""
    ann = factories.member(factories.workspace())
    ann.email = "Ann@example.com"
    ann.save()
    return ann


def told(answer: Any) -> tuple[int, str]:
    return answer.status_code, answer.json()["code"]


@pytest.mark.parametrize("by", ["username", "email"])
def test_somebody_is_let_in_changed_and_sent_away(api: ApiClient, ann: User, by: str) -> None:
    name = {"username": ann.username, "email": "ann@EXAMPLE.com"}[by]
    made = api.post("members", {by: name, "role": "viewer"})
    assert made.status_code == 201
    row = made.json()
    assert (row["username"], row["email"], row["role"]) == (ann.username, "Ann@example.com", "viewer")
    assert api.get("members").json()["results"] == [row]
    assert api.get("members?role=admin").json()["results"] == []
    assert api.get(f"members?role=viewer&username={ann.username}").json()["results"] == [row]

    changed = api.patch(made["location"], {"role": "editor"}, if_match=made["etag"])
    assert changed.json() == {**row, "role": "editor"}
    assert api.delete(made["location"], if_match=changed["etag"]).status_code == 204
    assert api.get(made["location"]).status_code == 404
    assert list(AuditEntry.objects.filter(kind="member").order_by("pk").values_list("action", flat=True)) == [
        "created", "changed", "deleted"
    ]  # fmt: skip
    assert Membership.objects.filter(user=ann).count() == 1, "the other workspace's"


@pytest.mark.parametrize(
    ("body", "pointer"),
    [
        ({"username": "nobody", "role": "viewer"}, "/username"),
        ({"username": "a\0b", "role": "viewer"}, "/username"),
        ({"email": "nobody@example.com", "role": "viewer"}, "/email"),
        ({"email": "nonsense", "role": "viewer"}, "/email"),
        ({"role": "viewer"}, ""),
        ({"username": "x", "email": "x@example.com", "role": "viewer"}, ""),
        ({"username": "nobody"}, "/role"),
        ({"username": "nobody", "role": "owner"}, "/role"),
        ({"username": "nobody", "role": 40}, "/role"),
        ({"username": "nobody", "role": "viewer", "user": 1}, "/user"),
    ],
)
def test_who_cannot_be_named_is_told_by_pointer(api: ApiClient, ann: User, body: object, pointer: str) -> None:
    answer = api.post("members", body)
    assert told(answer) == (400, "invalid")
    assert [each["pointer"] for each in answer.json()["errors"]] == [pointer]
    assert not Membership.objects.filter(workspace=api.workspace).exists()


def test_the_blocked_the_doubtful_and_members_are_refused(api: ApiClient, ann: User) -> None:
    other = factories.member(factories.workspace())
    User.objects.filter(pk=other.pk).update(email="ann@example.com")
    assert "Several people" in api.post("members", {"email": "ann@example.com", "role": "viewer"}).text
    User.objects.filter(pk=other.pk).update(is_active=False)
    assert api.post("members", {"username": other.username, "role": "viewer"}).status_code == 400
    assert api.post("members", {"email": "ann@example.com", "role": "viewer"}).status_code == 201
    assert "member already" in api.post("members", {"username": ann.username, "role": "admin"}).text


def test_the_last_admin_stays(api: ApiClient, workspace: Workspace) -> None:
    factories.member(workspace, Role.ADMIN)
    factories.member(workspace, Role.EDITOR)
    own = f"members/{Membership.objects.get(workspace=workspace, role=Role.ADMIN).pk}"
    assert told(api.patch(own, {"role": "viewer"})) == told(api.delete(own)) == (409, "last_admin")
    assert api.get(own).json()["role"] == "admin"

    factories.member(workspace, Role.ADMIN)
    assert api.patch(own, {"role": "viewer"}).status_code == 200


def test_only_admins_know_the_members(workspace: Workspace, ann: User) -> None:
    editor = ApiClient(workspace, Role.EDITOR)
    member = Membership.objects.get(user=factories.member(workspace, Role.VIEWER), workspace=workspace)
    own = f"members/{member.pk}"
    answers = [
        editor.get("members"), editor.get(own), editor.post("members", {"username": ann.username, "role": "viewer"}),
        editor.patch(own, {"role": "admin"}), editor.delete(own),
    ]  # fmt: skip
    assert {told(each) for each in answers} == {(403, "role_too_low")}
    member.refresh_from_db()
    assert member.role == Role.VIEWER


@pytest.mark.django_db(transaction=True)
def test_of_two_admins_who_send_each_other_away_one_stays(api: ApiClient, workspace: Workspace) -> None:
    for _ in range(5):
        Membership.objects.filter(workspace=workspace).delete()
        both = [factories.member(workspace, Role.ADMIN) for _ in range(2)]
        ids = Membership.objects.filter(workspace=workspace, user__in=both).values_list("pk", flat=True)

        with ThreadPoolExecutor(2) as pool:
            answers = list(pool.map(lambda pk: _and_close(api, "delete", f"members/{pk}"), list(ids)))
        assert sorted(each.status_code for each in answers) == [204, 409]


@pytest.mark.django_db(transaction=True)
def test_somebody_let_in_twice_at_once_is_a_member_once(api: ApiClient, ann: User) -> None:
    def add(_: int) -> Any:
        return _and_close(api, "post", "members", {"username": ann.username, "role": "viewer"})

    with ThreadPoolExecutor(4) as pool:
        statuses = sorted(each.status_code for each in pool.map(add, range(4)))
    assert statuses[0] == 201
    assert set(statuses[1:]) <= {400, 409}
    assert Membership.objects.filter(user=ann, workspace=api.workspace).count() == 1


def _and_close(api: ApiClient, method: str, *arguments: object) -> Any:
    try:
        return getattr(api, method)(*arguments)
    finally:
        connections.close_all()
