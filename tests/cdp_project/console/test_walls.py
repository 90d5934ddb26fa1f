"""Forms, lists, odd addresses and seats: what strangers and neighbours get.

Each page with a neighbour's objects is walked by `tests/conformance/test_foreign_workspaces_console.py`.
"""

from collections.abc import Callable

import pytest
from django.test import Client
from django.urls import get_script_prefix

from cdp_project.workspaces.models import AuditEntry, Membership, Role
from connections.models import Connection
from events.models import Input
from tests import factories
from tests.cdp_project.console.conftest import Furnished

SignIn = Callable[..., Client]


def test_foreign_ids_in_forms_are_refused(larder: Furnished, vault: Furnished, sign_in: SignIn) -> None:
    client = sign_in(larder)
    posted = {"input": larder.feed.pk, "output": vault.output.pk, "is_active": "on"}
    answer = client.post(larder.url("connections/connection/add/"), posted)
    assert answer.status_code == 200
    assert b"valid choice" in answer.content
    assert Connection.objects.filter(workspace=larder.workspace).count() == 1


def test_a_posted_workspace_is_not_believed(larder: Furnished, vault: Furnished, sign_in: SignIn) -> None:
    posted = {"name": "Mine", "kind": "feed", "platform": "", "protection": "create_update"}
    sign_in(larder).post(larder.url("events/input/add/"), posted | {"workspace": vault.workspace.pk})
    assert Input.objects.get(name="Mine").workspace == larder.workspace


@pytest.mark.parametrize("query", ["?id__in={}", "?pk={}", "?workspace={w}", "?workspace__id__exact={w}", "?q=Vault"])
def test_lists_cannot_be_widened(query: str, larder: Furnished, vault: Furnished, sign_in: SignIn) -> None:
    answer = sign_in(larder).get(
        larder.url("events/input/") + query.format(vault.feed.pk, w=vault.workspace.pk), follow=True
    )
    assert b"Vault feed" not in answer.content


@pytest.mark.parametrize("slug", ["nope", "x%00y", "%2e%2e", "ä"])
def test_unknown_workspaces_and_odd_addresses(slug: str, larder: Furnished, sign_in: SignIn) -> None:
    client = sign_in(larder)
    for environment in ("production", "staging"):
        assert client.get(f"/w/{slug}/{environment}/admin/live/").status_code in {400, 404}
    assert client.get(larder.url("live/", "staging")).status_code == 404
    assert client.get(f"/w/{larder.workspace.slug}/").status_code == 404


@pytest.mark.parametrize(
    "query", ["?kind=%00", "?p=99999999999", "?o=1.2.x.-99", "?kind__exact=x", "?nope=1", "?q=%00"]
)
def test_odd_queries_are_no_fault(query: str, larder: Furnished, sign_in: SignIn) -> None:
    client = sign_in(larder)
    for path in ("events/input/", "workspaces/auditentry/", "connections/connection/"):
        assert client.get(larder.url(path) + query).status_code < 500


def test_an_odd_session_cookie_is_no_fault(larder: Furnished, client: Client) -> None:
    client.cookies["sessionid"] = "a\x00bcdefghijk"
    assert client.get(larder.url("live/")).status_code < 500


def test_strangers_are_sent_to_sign_in_whether_it_exists_or_not(larder: Furnished, client: Client) -> None:
    for address in (larder.url("live/"), "/w/nope/production/admin/live/"):
        answer = client.get(address)
        assert answer.status_code == 302
        assert answer["Location"] == f"/admin/login/?next={address}"


def test_the_operator_looks_into_no_workspace(larder: Furnished, vault: Furnished, sign_in: SignIn) -> None:
    client = sign_in(larder, operator=True)
    assert client.get(vault.url("events/input/")).status_code == 404
    for path in ("events/input/", "connections/output/", "workspaces/auditentry/", "workspaces/membership/"):
        answer = client.get(f"/admin/{path}", follow=True)
        assert b"Vault feed" not in answer.content
        assert answer.status_code == 403


def test_the_prefix_does_not_leak_into_later_work(larder: Furnished, sign_in: SignIn) -> None:
    client = sign_in(larder)
    client.get(larder.url("events/input/"))
    client.get(larder.url("nope/"))
    assert get_script_prefix() == "/"


def test_somebody_without_a_workspace_is_told_so(larder: Furnished, client: Client) -> None:
    user = factories.member(larder.workspace)
    Membership.objects.filter(user_id=user.pk).delete()
    client.force_login(user)
    answer = client.get("/")
    assert answer.status_code == 200
    assert b"belong to no workspace" in answer.content
    assert client.get("/admin/", follow=True).status_code == 200
    assert client.get(larder.url("live/")).status_code == 404


def test_a_blocked_member_is_out_at_once(larder: Furnished, client: Client) -> None:
    user = factories.member(larder.workspace)
    client.force_login(user)
    assert client.get(larder.url("live/")).status_code == 200
    user.is_active = False
    user.save()
    assert client.get(larder.url("live/")).status_code == 302


def test_two_tabs_on_two_workspaces_stay_apart(larder: Furnished, vault: Furnished, sign_in: SignIn) -> None:
    client = sign_in(larder)
    Membership.objects.create(workspace=vault.workspace, user_id=client.session["_auth_user_id"], role=Role.VIEWER)
    for _ in range(2):
        assert b"Larder feed" in client.get(larder.url("events/input/")).content
        assert b"Vault feed" in client.get(vault.url("events/input/")).content
    assert AuditEntry.objects.filter(action="changed").count() == 0
