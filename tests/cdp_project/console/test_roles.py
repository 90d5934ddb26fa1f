"""What each role may see and do in the console; what it may not is absent, not a refusal after the click."""

from collections.abc import Callable

import pytest
from django.test import Client

from cdp_project.workspaces.models import AuditEntry, Membership, Role
from connections.models import Output
from events.models import Input, InputKey
from tests import factories
from tests.cdp_project.console.conftest import Furnished

SignIn = Callable[..., Client]
SETUP = ["events/input/", "connections/output/", "connections/connection/"]
ADMINISTRATION = ["workspaces/membership/", "workspaces/apicredential/", "workspaces/auditentry/"]
NEW_INPUT = {"name": "New", "kind": "feed", "platform": "", "protection": "create_update", "is_active": "on"}


@pytest.mark.parametrize("role", [Role.VIEWER, Role.ANALYST])
def test_viewers_and_analysts_look_and_change_nothing(role: Role, larder: Furnished, sign_in: SignIn) -> None:
    client = sign_in(larder, role)
    page = client.get(larder.url(f"events/input/{larder.feed.pk}/change/"))
    assert page.status_code == 200
    assert b"you can look at this, but not change it" in page.content
    assert b'name="_save"' not in page.content
    assert b"Add input" not in client.get(larder.url("events/input/")).content
    for path, posted in (
        ("events/input/add/", NEW_INPUT),
        (f"events/input/{larder.feed.pk}/change/", NEW_INPUT),
        (f"events/input/{larder.feed.pk}/delete/", {"post": "yes"}),
        (f"events/input/{larder.feed.pk}/keys/", {}),
    ):
        assert client.post(larder.url(path), posted).status_code == 403
    assert list(Input.objects.values_list("name", flat=True)) == ["Larder feed"]
    assert InputKey.objects.count() == 1


def test_a_viewer_sees_settings_of_an_output_but_no_secret(larder: Furnished, sign_in: SignIn) -> None:
    larder.output.settings = {"url": "https://hooks.example.com/in?token=canary", "include_ip": True}
    larder.output.save()
    page = sign_in(larder, Role.VIEWER).get(larder.url(f"connections/output/{larder.output.pk}/change/"))
    assert b"https://hooks.example.com/in?" in page.content
    assert b"canary" not in page.content
    assert b"Larder token" not in page.content


@pytest.mark.parametrize("role", [Role.VIEWER, Role.ANALYST, Role.EDITOR])
def test_administration_is_for_admins(role: Role, larder: Furnished, sign_in: SignIn) -> None:
    client = sign_in(larder, role)
    page = client.get(larder.url("live/"))
    for path in ADMINISTRATION:
        assert client.get(larder.url(path)).status_code == 403
        assert path.encode() not in page.content
    for path in SETUP:
        assert client.get(larder.url(path)).status_code == 200
        assert path.encode() in page.content


def test_an_editor_sets_up_but_issues_no_keys(larder: Furnished, sign_in: SignIn) -> None:
    client = sign_in(larder, Role.EDITOR)
    assert client.post(larder.url("events/input/add/"), NEW_INPUT).status_code == 302
    made = Input.objects.get(name="New")
    assert b"Issue a key" not in client.get(larder.url(f"events/input/{made.pk}/keys/")).content
    assert client.post(larder.url(f"events/input/{made.pk}/keys/")).status_code == 403
    assert not InputKey.objects.filter(input=made).exists()
    client.post(larder.url(f"connections/output/{larder.output.pk}/delete/"), {"post": "yes"})
    assert not Output.objects.exists()
    assert set(AuditEntry.objects.values_list("action", flat=True)) >= {"created", "deleted"}


def test_every_list_and_form_works_for_an_admin(larder: Furnished, sign_in: SignIn) -> None:
    client = sign_in(larder)
    for path in SETUP + ADMINISTRATION:
        assert client.get(larder.url(path)).status_code == 200
        assert client.get(larder.url(f"{path}?q=Larder")).status_code == 200
        assert client.get(larder.url(f"{path}{larder.objects[path.rstrip('/')]}/change/")).status_code == 200
    for path in (*SETUP, "workspaces/membership/", "workspaces/apicredential/"):
        assert client.get(larder.url(f"{path}add/")).status_code == 200


def test_the_audit_log_is_read_only_even_for_admins(larder: Furnished, sign_in: SignIn) -> None:
    client = sign_in(larder)
    entry = AuditEntry.objects.all()[0]
    for path in ("add/", f"{entry.pk}/change/", f"{entry.pk}/delete/"):
        assert client.post(larder.url(f"workspaces/auditentry/{path}"), {"post": "yes"}).status_code == 403
    assert AuditEntry.objects.filter(pk=entry.pk).exists()


def test_installation_pages_are_the_operators_alone(larder: Furnished, sign_in: SignIn) -> None:
    client = sign_in(larder)
    assert client.get("/admin/auth/user/", follow=True).redirect_chain[-1][0].endswith("/live/")
    assert client.get(larder.url("auth/user/")).status_code == 403


def test_the_last_admin_of_a_workspace_is_not_blocked(larder: Furnished, vault: Furnished, sign_in: SignIn) -> None:
    client = sign_in(larder, operator=True)
    keeper = Membership.objects.get(workspace=vault.workspace).user
    address, posted = f"/admin/auth/user/{keeper.pk}/change/", {"username": keeper.username}

    page = client.post(address, posted).content.decode()
    assert "Nobody else is an admin of Vault: make somebody an admin there first." in page
    keeper.refresh_from_db()
    assert keeper.is_active

    factories.member(vault.workspace)
    assert client.post(address, posted).status_code == 302
    keeper.refresh_from_db()
    assert not keeper.is_active


def test_the_page_of_a_person_shows_nothing_of_the_password(larder: Furnished, sign_in: SignIn) -> None:
    client = sign_in(larder, operator=True)
    person = factories.member(larder.workspace, password="correct horse battery")
    page = client.get(f"/admin/auth/user/{person.pk}/change/").content.decode()
    assert "A password is set." in page
    assert "pbkdf2" not in page
    person.set_unusable_password()
    person.save()
    assert "No password is set." in client.get(f"/admin/auth/user/{person.pk}/change/").content.decode()


def test_the_operator_makes_users_and_workspaces(larder: Furnished, sign_in: SignIn) -> None:
    client = sign_in(larder, operator=True)
    for path in ("auth/user/", "auth/user/add/", "workspaces/workspace/", "workspaces/workspace/add/"):
        assert client.get(f"/admin/{path}").status_code == 200
    password = "a long enough one"
    posted = {"username": "bea", "password1": password, "password2": password}
    assert client.post("/admin/auth/user/add/", posted).status_code == 302
    assert client.post("/admin/workspaces/workspace/add/", {"name": "New", "slug": "new"}).status_code == 302
    assert client.get("/w/new/production/admin/live/").status_code == 200
    assert client.post("/admin/workspaces/workspace/add/", {"name": "Odd", "slug": "123"}).status_code == 200
    entries = AuditEntry.objects.filter(workspace__slug="new")
    assert sorted(entries.values_list("kind", flat=True)) == ["member", "workspace"]
