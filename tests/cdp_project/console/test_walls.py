"""A member of one workspace walks every address of another one: 404 everywhere, and no name of it anywhere."""

from collections.abc import Callable, Iterator

import pytest
from django.contrib import admin
from django.test import Client
from django.urls import URLPattern, URLResolver, get_resolver, get_script_prefix

from cdp_project.workspaces.models import AuditEntry, Membership, Role
from cdp_project.workspaces.scoped_admin import is_scoped
from connections.models import Connection, Output
from events.models import Input, InputKey
from tests import factories
from tests.cdp_project.console.conftest import Furnished

SignIn = Callable[..., Client]


def admin_paths() -> Iterator[str]:
    """Every address of the admin site, as patterns with {} for an object's number."""
    for model in admin.site._registry:
        if is_scoped(model):
            base = f"{model._meta.app_label}/{model._meta.model_name}"
            yield from (f"{base}/", f"{base}/add/")
            yield from (f"{base}/{{}}/{page}/" for page in ("change", "delete", "history"))
    yield from ("", "live/", "password_change/", "logout/", "jsi18n/", "autocomplete/", "login/")
    yield from ("events/input/{}/keys/", "workspaces/apicredential/{}/revoke/", "workspaces/apicredential/{}/issued/")


def number_for(path: str, shop: Furnished) -> int:
    return next((pk for base, pk in shop.objects.items() if path.startswith(base)), 0)


def test_the_walk_knows_every_page_with_an_object() -> None:
    """A page that is added to the site is walked, or this fails."""
    known = {path.split("/")[-2] for path in admin_paths() if "{}" in path}
    found = {path.rstrip("/").split("/")[-1] for path in patterns(get_resolver().url_patterns) if ">/" in path}
    assert {name for name in found if "<" not in name} <= known | {"password"}


def patterns(entries: list[URLPattern | URLResolver], prefix: str = "") -> Iterator[str]:
    for entry in entries:
        path = prefix + str(entry.pattern)
        if isinstance(entry, URLResolver):
            yield from patterns(entry.url_patterns, path)
        elif path.startswith("admin/"):
            yield path


@pytest.mark.parametrize("path", sorted(set(admin_paths())))
def test_foreign_addresses_are_404_by_any_method(
    path: str, larder: Furnished, vault: Furnished, sign_in: SignIn
) -> None:
    client = sign_in(larder)
    for environment in ("production", "development"):
        address = vault.url(path.format(number_for(path, vault)), environment)
        key = InputKey.objects.all()[0].pk
        for answer in (client.get(address), client.post(address, {"post": "yes", "end": key})):
            assert answer.status_code == 404
            assert b"Vault" not in answer.content
            assert vault.workspace.slug.encode() not in answer.content


@pytest.mark.parametrize("path", sorted(path for path in set(admin_paths()) if "{}" in path))
def test_foreign_objects_at_home_addresses_are_not_found(
    path: str, larder: Furnished, vault: Furnished, sign_in: SignIn
) -> None:
    client = sign_in(larder)
    address = larder.url(path.format(number_for(path, vault)))
    before = (Input.objects.count(), Output.objects.count(), Connection.objects.count(), Membership.objects.count())
    for answer in (client.get(address, follow=True), client.post(address, {"post": "yes"}, follow=True)):
        assert b"Vault" not in answer.content
        assert answer.status_code in {404, 403} or answer.redirect_chain
    after = (Input.objects.count(), Output.objects.count(), Connection.objects.count(), Membership.objects.count())
    assert after == before
    vault.credential.refresh_from_db()
    assert vault.credential.revoked_at is None


@pytest.mark.parametrize("path", sorted(path for path in set(admin_paths()) if "logout" not in path))
def test_no_page_at_home_names_the_neighbour(path: str, larder: Furnished, vault: Furnished, sign_in: SignIn) -> None:
    answer = sign_in(larder).get(larder.url(path.format(number_for(path, larder))), follow=True)
    assert answer.status_code in {200, 403, 404}
    assert b"Vault" not in answer.content


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
