"""Inputs, keys, outputs, connections, members and credentials as people set them up in the console."""

import re
from collections.abc import Callable
from typing import Any

import pytest
from django.contrib.sessions.models import Session
from django.test import Client

from cdp_project.kernel import clock, secretbox
from cdp_project.workspaces import tokens
from cdp_project.workspaces.models import ApiCredential, AuditEntry, Membership, Role
from connections.models import Connection, Output
from connections.outputs import secrets_of
from events.models import Input, InputKey
from tests import factories
from tests.cdp_project.console.conftest import Furnished

SignIn = Callable[..., Client]


def shown_values(answer: Any) -> list[str]:
    return re.findall(r'<code id="value-\d">([^<]+)</code>', answer.content.decode())


def input_form(**values: str) -> dict[str, str]:
    form = {"name": "iPhone", "kind": "platform", "platform": "ios", "protection": "create_update", "is_active": "on"}
    return form | values


def test_a_new_input_leads_to_its_keys(larder: Furnished, sign_in: SignIn) -> None:
    client = sign_in(larder)
    answer = client.post(larder.url("events/input/add/"), input_form(), follow=True)
    made = Input.objects.get(name="iPhone")
    assert answer.redirect_chain[-1][0] == larder.url(f"events/input/{made.pk}/keys/")
    assert b"No keys yet" in answer.content


def test_a_platform_needs_a_name_and_is_there_once(larder: Furnished, sign_in: SignIn) -> None:
    client = sign_in(larder)
    assert b"Choose which platform" in client.post(larder.url("events/input/add/"), input_form(platform="")).content
    client.post(larder.url("events/input/add/"), input_form())
    again = client.post(larder.url("events/input/add/"), input_form(name="Other"))
    assert b"its input for this platform already" in again.content
    assert Input.objects.filter(platform="ios").count() == 1
    assert client.post(larder.url("events/input/add/"), input_form(platform="fridge")).status_code == 200


def test_a_key_is_shown_once_and_works(larder: Furnished, sign_in: SignIn) -> None:
    client = sign_in(larder)
    address = larder.url(f"events/input/{larder.feed.pk}/keys/")
    answer = client.post(address, follow=True)
    key, secret = shown_values(answer)
    assert "no-store" in answer["Cache-Control"]
    stored = InputKey.objects.get(key=key)
    assert secretbox.decrypt(stored.secret_encrypted) == secret
    assert bytes(stored.secret_digest) == secretbox.fingerprint(secret)
    listed = client.get(address)
    assert key.encode() in listed.content
    assert secret.encode() not in listed.content
    assert secret not in str(list(AuditEntry.objects.values()))


def test_reloading_the_page_of_a_new_secret_makes_no_other(larder: Furnished, sign_in: SignIn) -> None:
    client = sign_in(larder)
    keys = larder.url(f"events/input/{larder.feed.pk}/keys/")
    assert client.post(keys)["Location"] == keys
    stored = str([session.get_decoded() for session in Session.objects.all()])
    (_, secret) = shown_values(client.get(keys))
    assert secret not in stored
    assert shown_values(client.get(keys)) == []
    assert InputKey.objects.filter(input=larder.feed).count() == 2

    made = client.post(larder.url("workspaces/apicredential/add/"), {"name": "Export", "role": Role.ANALYST})
    assert len(shown_values(client.get(made["Location"]))) == 2
    assert client.get(made["Location"])["Location"] == larder.url("workspaces/apicredential/")
    assert ApiCredential.objects.filter(name="Export").count() == 1


def test_a_key_is_ended(larder: Furnished, sign_in: SignIn) -> None:
    client = sign_in(larder)
    key = InputKey.objects.get(input=larder.feed)
    address = larder.url(f"events/input/{larder.feed.pk}/keys/")
    client.post(address, {"end": key.pk})
    key.refresh_from_db()
    assert key.expires_at is not None
    assert key.expires_at <= clock.now()
    for odd in ("", "x", "-1", "9" * 30, str(key.pk + 1000)):
        assert client.post(address, {"end": odd}).status_code == 404


def test_an_output_keeps_its_secrets_to_itself(larder: Furnished, sign_in: SignIn) -> None:
    client = sign_in(larder)
    address = larder.url(f"connections/output/{larder.output.pk}/change/")
    page = client.get(address)
    assert b"Larder token" not in page.content
    assert b"Leave empty to keep it" in page.content
    posted = {"name": "Hook", "setting_url": "https://hooks.example.com/2", "setting_send": "event"}
    assert client.post(address, posted).status_code == 302
    larder.output.refresh_from_db()
    assert larder.output.name == "Hook"
    assert larder.output.settings["url"] == "https://hooks.example.com/2"
    assert larder.output.settings["send_custom_events"] is False
    assert not larder.output.is_active_in_production
    assert secrets_of(larder.output.secrets_encrypted) == {"authorization": "Larder token"}
    client.post(address, posted | {"setting_authorization": "Bearer other"})
    larder.output.refresh_from_db()
    assert secrets_of(larder.output.secrets_encrypted) == {"authorization": "Bearer other"}
    client.post(address, posted | {"forget_authorization": "on"})
    larder.output.refresh_from_db()
    assert secrets_of(larder.output.secrets_encrypted) == {}


def test_a_new_output_is_checked_by_what_the_integration_declares(larder: Furnished, sign_in: SignIn) -> None:
    client = sign_in(larder)
    address = larder.url("connections/output/add/?integration=webhook")
    for url in ("", "ftp://x", "javascript:alert(1)", "https://user:secret@example.com/"):
        answer = client.post(address, {"name": "New", "setting_url": url, "setting_send": "batch"})
        assert answer.status_code == 200
        assert b"errorlist" in answer.content
    assert Output.objects.count() == 1
    assert (
        client.post(
            address, {"name": "New", "setting_url": "https://example.com/", "setting_send": "batch"}
        ).status_code
        == 302
    )
    made = Output.objects.get(name="New")
    assert (made.workspace, made.integration) == (larder.workspace, "webhook")
    assert AuditEntry.objects.filter(kind="output", action="created", object_name="New").exists()


def test_a_secret_that_a_refused_form_lost_is_asked_for_again(larder: Furnished, sign_in: SignIn) -> None:
    client = sign_in(larder)
    address = larder.url(f"connections/output/{larder.output.pk}/change/")
    posted = {"name": "Hook", "setting_url": "ftp://x", "setting_send": "batch", "setting_authorization": "canary"}
    page = client.post(address, posted).content.decode()
    assert "Enter it again" in page
    assert "canary" not in page
    nameless = client.post(address, posted | {"name": "", "setting_url": "https://example.com/"}).content.decode()
    assert "Enter it again" in nameless
    posted.pop("setting_authorization")
    assert "Enter it again" not in client.post(address, posted).content.decode()
    larder.output.refresh_from_db()
    assert secrets_of(larder.output.secrets_encrypted) == {"authorization": "Larder token"}


def test_an_output_to_a_private_address_names_the_setting_that_opens_it(larder: Furnished, sign_in: SignIn) -> None:
    posted = {"name": "New", "setting_url": "http://169.254.169.254/", "setting_send": "batch"}
    answer = sign_in(larder).post(larder.url("connections/output/add/?integration=webhook"), posted)
    assert b"CDP_DELIVERY_ALLOW" in answer.content
    assert Output.objects.count() == 1


def test_the_form_of_an_output_marks_what_it_needs_and_groups_its_switches(larder: Furnished, sign_in: SignIn) -> None:
    page = sign_in(larder).get(larder.url("connections/output/add/?integration=webhook")).content.decode()
    assert re.search(
        r'<label class="required"[^>]*for="id_setting_url"|for="id_setting_url"[^>]*class="required"', page
    )
    assert 'class="required" for="id_setting_send"' not in page
    headings = re.findall(r'class="fieldset-heading">([^<]+)<', page)
    assert headings == ["Webhook", "Which events it sends", "What it includes"]


def test_secrets_that_no_key_reads_are_no_fault(larder: Furnished, sign_in: SignIn, settings: Any) -> None:
    client = sign_in(larder)
    settings.CDP_ENCRYPTION_KEYS = ["x" * 43 + "="]
    address = larder.url(f"connections/output/{larder.output.pk}/change/")
    assert client.get(address).status_code == 200
    answer = client.post(address, {"name": "Hook", "setting_url": "https://example.com/", "setting_send": "batch"})
    assert b"CDP_ENCRYPTION_KEYS" in answer.content


def test_a_connection_is_made_once_and_offers_home_things_only(
    larder: Furnished, vault: Furnished, sign_in: SignIn
) -> None:
    client = sign_in(larder)
    page = client.get(larder.url("connections/connection/add/"))
    assert b"Larder feed" in page.content
    assert b"Vault" not in page.content
    answer = client.post(
        larder.url("connections/connection/add/"), {"input": larder.feed.pk, "output": larder.output.pk}
    )
    assert b"This input sends to this output already" in answer.content
    assert Connection.objects.filter(workspace=larder.workspace).count() == 1


def test_lists_are_filtered_in_the_words_of_their_columns(larder: Furnished, sign_in: SignIn) -> None:
    client = sign_in(larder, operator=True)
    lists = {
        larder.url("events/input/"): ("State", "is_active__exact=0", "Off"),
        larder.url("connections/output/"): ("Production", "is_active_in_production__exact=0", "Off"),
        larder.url("connections/connection/"): ("State", "is_active__exact=0", "Off"),
        "/admin/auth/user/": ("State", "is_active__exact=0", "Blocked"),
    }
    for address, (title, query, word) in lists.items():
        page = client.get(address).content.decode()
        assert f"<summary>{title}</summary>" in page
        assert f'<a href="?{query}">{word}</a>' in page
        assert "is active" not in page.lower()
        assert '<label for="searchbar">Search ' in page
        assert client.get(f"{address}?{query}").status_code == 200


def test_members_are_named_by_typing_and_listed_from_home_only(
    larder: Furnished, vault: Furnished, sign_in: SignIn
) -> None:
    client = sign_in(larder)
    newcomer = Membership.objects.get(workspace=vault.workspace).user
    page = client.get(larder.url("workspaces/membership/add/"))
    assert newcomer.username.encode() not in page.content
    address = larder.url("workspaces/membership/add/")
    assert b"Nobody with this user name" in client.post(address, {"username": "nobody", "role": 10}).content
    assert client.post(address, {"username": newcomer.username, "role": Role.EDITOR}).status_code == 302
    assert b"a member already" in client.post(address, {"username": newcomer.username, "role": 10}).content
    assert Membership.objects.get(workspace=larder.workspace, user=newcomer).role == Role.EDITOR


def test_the_last_admin_stays(larder: Furnished, sign_in: SignIn) -> None:
    client = sign_in(larder)
    mine = Membership.objects.get(workspace=larder.workspace)
    page = larder.url(f"workspaces/membership/{mine.pk}/change/")
    assert b"make somebody else one first" in client.post(page, {"role": Role.VIEWER}).content
    assert client.post(larder.url(f"workspaces/membership/{mine.pk}/delete/"), {"post": "yes"}).status_code == 403
    factories.member(larder.workspace)
    assert client.post(page, {"role": Role.VIEWER}).status_code == 302
    mine.refresh_from_db()
    assert mine.role == Role.VIEWER


def test_a_credential_is_shown_once_works_and_is_revoked(larder: Furnished, sign_in: SignIn) -> None:
    client = sign_in(larder)
    answer = client.post(
        larder.url("workspaces/apicredential/add/"), {"name": "Export", "role": Role.ANALYST}, follow=True
    )
    client_id, secret = shown_values(answer)
    made = ApiCredential.objects.get(name="Export")
    assert (made.workspace, made.role, made.client_id) == (larder.workspace, Role.ANALYST, client_id)
    assert tokens.authenticate_client(client_id, secret) == made
    token = tokens.issue(made, clock.now())
    page = client.get(larder.url(f"workspaces/apicredential/{made.pk}/change/"))
    assert secret.encode() not in page.content
    revoke = larder.url(f"workspaces/apicredential/{made.pk}/revoke/")
    assert b"cannot be undone" in client.get(revoke).content
    held = tokens.held_by(token, clock.now())
    assert held is not None
    assert held.credential == made
    client.post(revoke)
    assert tokens.held_by(token, clock.now()) is None
    assert tokens.authenticate_client(client_id, secret) is None
    assert client.post(larder.url(f"workspaces/apicredential/{made.pk}/delete/"), {"post": "yes"}).status_code == 403


def test_the_audit_page_shows_before_and_after(larder: Furnished, sign_in: SignIn) -> None:
    client = sign_in(larder)
    posted = input_form(name="<b>Renamed</b>", kind="feed", platform="")
    client.post(larder.url(f"events/input/{larder.feed.pk}/change/"), posted)
    entry = AuditEntry.objects.get(action="changed")
    page = client.get(larder.url(f"workspaces/auditentry/{entry.pk}/change/")).content.decode()
    assert "Larder feed" in page
    assert "&lt;b&gt;Renamed&lt;/b&gt;" in page
    assert "<b>Renamed" not in page


@pytest.mark.parametrize("path", ["events/input/add/", "workspaces/apicredential/add/"])
def test_forms_are_protected_against_forgery(path: str, larder: Furnished) -> None:
    client = Client(enforce_csrf_checks=True)
    client.force_login(factories.member(larder.workspace))
    answer = client.post(larder.url(path), {"name": "x"})
    assert answer.status_code == 403
    assert b"Form out of date" in answer.content
