"""The front door, and what every page promises to the browser."""

from collections.abc import Callable
from typing import Any

import pytest
from django.test import Client

from cdp_project.workspaces import guessing
from cdp_project.workspaces.models import Role
from tests import factories
from tests.cdp_project.console.conftest import Furnished
from tests.shop import Shop, batch, custom_event

PASSWORD = "correct horse battery"


def test_signing_in_leads_to_the_live_page_of_the_first_workspace(larder: Furnished, client: Client) -> None:
    user = factories.member(larder.workspace, Role.VIEWER, password=PASSWORD)
    assert client.get("/", follow=True).redirect_chain == [("/admin/login/", 302)]
    answer = client.post("/admin/login/", {"username": user.get_username(), "password": PASSWORD}, follow=True)
    assert answer.redirect_chain[-1][0] == larder.url("live/")
    assert answer.status_code == 200
    assert b"Live events" in answer.content


def test_a_wrong_password_is_refused_without_saying_what_was_wrong(larder: Furnished, client: Client) -> None:
    user = factories.member(larder.workspace, password=PASSWORD)
    wrong = client.post("/admin/login/", {"username": user.get_username(), "password": "wrong"})
    unknown = client.post("/admin/login/", {"username": "nobody", "password": "wrong"})
    for answer in (wrong, unknown):
        assert answer.status_code == 200
        assert b"Please enter a correct username and password" in answer.content
    assert "_auth_user_id" not in client.session


def test_guessing_is_braked_before_the_password_is_looked_at(
    larder: Furnished, client: Client, empty_cache: None
) -> None:
    user = factories.member(larder.workspace, password=PASSWORD)
    other = factories.member(larder.workspace, password=PASSWORD)
    for _ in range(10):
        assert client.post("/admin/login/", {"username": user.get_username(), "password": "wrong"}).status_code == 200
    braked = client.post("/admin/login/", {"username": user.get_username(), "password": PASSWORD})
    assert braked.status_code == 429
    assert int(braked["Retry-After"]) > 0
    assert b"wait a minute" in braked.content
    assert "_auth_user_id" not in client.session
    assert client.get("/admin/login/").status_code == 200
    assert client.post("/admin/login/", {"username": other.get_username(), "password": PASSWORD}).status_code == 302


def test_an_address_is_braked_whatever_names_it_tries(
    larder: Furnished, client: Client, empty_cache: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(guessing, "FAILURES_PER_ADDRESS", 3)
    for name in ("ann", "bob", "cleo"):
        assert client.post("/admin/login/", {"username": name, "password": "wrong"}).status_code == 200
    assert client.post("/admin/login/", {"username": "dora", "password": "wrong"}).status_code == 429
    elsewhere = client.post("/admin/login/", {"username": "dora", "password": "wrong"}, REMOTE_ADDR="192.0.2.7")
    assert elsewhere.status_code == 200


def test_without_valkey_people_sign_in_all_the_same(larder: Furnished, client: Client, settings: Any) -> None:
    settings.CACHES = {"default": settings.CACHES["default"] | {"LOCATION": "redis://127.0.0.1:1/0"}}
    login = {"username": factories.member(larder.workspace, password=PASSWORD).get_username()}
    assert client.post("/admin/login/", login | {"password": "wrong"}).status_code == 200
    assert client.post("/admin/login/", login | {"password": PASSWORD}).status_code == 302


def test_the_way_back_after_sign_in_stays_on_this_host(larder: Furnished, client: Client) -> None:
    user = factories.member(larder.workspace, password=PASSWORD)
    login = {"username": user.get_username(), "password": PASSWORD}
    answer = client.post("/admin/login/", login | {"next": "https://evil.example/"})
    assert answer["Location"] == "/"
    client.logout()
    answer = client.post("/admin/login/", login | {"next": larder.url("events/input/")})
    assert answer["Location"] == larder.url("events/input/")


def test_signing_out_ends_the_session(larder: Furnished, sign_in: Callable[..., Client]) -> None:
    client = sign_in(larder)
    assert client.get(larder.url("logout/")).status_code == 405
    assert client.post(larder.url("logout/"), follow=True).redirect_chain[-1][0] == "/admin/login/"
    assert client.get(larder.url("live/")).status_code == 302


def test_there_is_one_sign_in_page(larder: Furnished, sign_in: Callable[..., Client], client: Client) -> None:
    assert client.get(larder.url("login/"))["Location"].startswith("/admin/login/?next=")
    assert sign_in(larder).get("/admin/login/")["Location"] == "/"
    assert client.get(larder.url("login/"))["Location"] == "/"


@pytest.mark.parametrize("path", ["live/", "events/input/", "nope/"])
def test_every_page_allows_its_own_files_only(path: str, larder: Furnished, sign_in: Callable[..., Client]) -> None:
    answer = sign_in(larder).get(larder.url(path))
    policy = answer["Content-Security-Policy"]
    assert "script-src 'self'" in policy
    assert "style-src 'self'" in policy
    assert "unsafe" not in policy
    page = answer.content.decode()
    for forbidden in ("<style", " style=", " onclick=", "javascript:", "http://", "https://"):
        assert forbidden not in page.replace("http://testserver/v2/events", "")
    assert answer["X-Frame-Options"] == "DENY"


@pytest.mark.parametrize("role", [Role.VIEWER, Role.ADMIN])
def test_the_live_page_offers_another_key_to_admins_only(
    role: Role, larder: Furnished, sign_in: Callable[..., Client]
) -> None:
    page = sign_in(larder, role).get(larder.url("live/")).content.decode()
    offer = f'href="{larder.url(f"events/input/{larder.feed.pk}/keys/")}"'
    assert (offer in page) == (role == Role.ADMIN)
    assert ("an admin can issue another" in page) == (role != Role.ADMIN)


def test_the_live_page_teaches_the_first_event(larder: Furnished, sign_in: Callable[..., Client]) -> None:
    page = sign_in(larder).get(larder.url("live/", "development")).content.decode()
    assert "curl -i http://testserver/v2/events" in page
    assert "&quot;environment&quot;: &quot;development&quot;" in page
    assert larder.feed.keys.all()[0].key in page
    assert f'data-socket="/ws/w/{larder.workspace.slug}/development/live/"' in page


def test_the_live_page_shows_stored_events_without_scripts(
    transactional_db: None, larder: Furnished, sign_in: Callable[..., Client]
) -> None:
    stocked = Shop(larder.feed)
    hostile = "<img src=x onerror=alert(1)>"
    stocked.process(batch(custom_event(hostile), customer="u-1"))
    stocked.close()

    page = sign_in(larder).get(larder.url("live/")).content.decode()
    assert "&lt;img src=x" in page
    assert hostile not in page
    assert stocked.profile()["mpid"] > 0
    assert str(stocked.profile()["mpid"]) in page
    assert hostile not in sign_in(larder).get(larder.url("live/", "development")).content.decode()
