"""POST /oauth/token: every way in, every refusal, and what a token then opens (wire.md 6, RFC 6749)."""

import base64
import json
from datetime import timedelta
from typing import Any

import pytest
from django.test import Client

from cdp_project.kernel import clock
from cdp_project.workspaces import credentials, tokens
from cdp_project.workspaces.audit import Actor
from cdp_project.workspaces.models import AccessToken, ApiCredential, Role, Workspace
from cdp_project.workspaces.tasks import forget_expired_tokens
from tests import factories

FORM = "application/x-www-form-urlencoded"
GRANT = {"grant_type": "client_credentials"}


@pytest.fixture
def pair(workspace: Workspace, empty_cache: None) -> dict[str, str]:
    credential = ApiCredential(workspace=workspace, name="Script", role=Role.ADMIN)
    secret = credentials.issue(Actor("test"), credential)
    return {"client_id": credential.client_id, "client_secret": secret}


def ask(body: object, content_type: str = "application/json", authorization: str = "") -> Any:
    data = body if isinstance(body, str | bytes) else json.dumps(body)
    headers = {"Authorization": authorization} if authorization else {}
    return Client().post("/oauth/token", data, content_type=content_type, headers=headers)


def basic(pair: dict[str, str]) -> str:
    return "Basic " + base64.b64encode(f"{pair['client_id']}:{pair['client_secret']}".encode()).decode()


def read_events(workspace: Workspace, token: str) -> Any:
    address = f"/api/v1/workspaces/{workspace.pk}/events?identity_type=customer_id&identity=u-1"
    return Client().get(address, headers={"Authorization": f"Bearer {token}"})


def test_json_gives_a_token_as_the_data_planning_client_reads_it(workspace: Workspace, pair: dict[str, str]) -> None:
    answer = ask({**pair, **GRANT, "audience": "https://api.mparticle.com"}, "application/json;charset=utf-8")
    assert answer.status_code == 200
    token = answer.json().pop("access_token")
    told = {**answer.json(), "access_token": ""}
    scope = "read operate configure administer"
    assert told == {"access_token": "", "expires_in": 28800, "token_type": "Bearer", "scope": scope}
    assert answer["Cache-Control"] == "no-store"
    assert read_events(workspace, token).status_code == 200


def test_form_and_basic_do_too(workspace: Workspace, pair: dict[str, str]) -> None:
    form = ask("&".join(f"{name}={value}" for name, value in {**pair, **GRANT}.items()), FORM)
    by_header = ask("grant_type=client_credentials", FORM, basic(pair))
    json_by_header = ask(GRANT, authorization=basic(pair))
    for answer in (form, by_header, json_by_header):
        assert answer.status_code == 200
        assert read_events(workspace, answer.json()["access_token"]).status_code == 200


def test_the_token_is_kept_as_a_digest_only(pair: dict[str, str]) -> None:
    token = ask({**pair, **GRANT}).json()["access_token"]
    stored = AccessToken.objects.get()
    assert token.encode() not in bytes(stored.digest)
    assert len(bytes(stored.digest)) == 32


@pytest.mark.parametrize(
    ("body", "content_type", "code"),
    [
        ("", "application/json", "invalid_request"),
        ("{", "application/json", "invalid_request"),
        ("[]", "application/json", "invalid_request"),
        ("null", "application/json", "invalid_request"),
        ('{"grant_type": 1}', "application/json", "invalid_request"),
        ("{}", "application/json", "invalid_request"),
        (b"\xff\xfe", "application/json", "invalid_request"),
        ("[" * 100_000, "application/json", "invalid_request"),
        ('{"x":' * 50_000, "application/json", "invalid_request"),
        ('{"grant_type": "client_credentials", "client_id": "\\ud800"}', "application/json", "invalid_request"),
        ('{"grant_type": "password"}', "application/json", "unsupported_grant_type"),
        ('{"grant_type": "client_credentials"}', "application/json", "invalid_request"),
        ('{"grant_type": "client_credentials", "client_id": "x"}', "application/json", "invalid_request"),
        ("grant_type=client_credentials&client_id=a&client_id=b", FORM, "invalid_request"),
        (b"grant_type=%ff\xff", FORM, "invalid_request"),
        ("&".join(f"a{n}=1" for n in range(100)), FORM, "invalid_request"),
        ("grant_type=client_credentials", "text/plain", "invalid_request"),
    ],
)
@pytest.mark.usefixtures("db", "empty_cache")
def test_malformed_requests_are_400_with_a_body_for_every_client(
    body: str | bytes, content_type: str, code: str
) -> None:
    answer = ask(body, content_type)
    assert answer.status_code == 400
    told = answer.json()
    assert told["error"] == told["code"] == told["errors"][0]["code"] == told["Errors"][0]["code"] == code
    assert told["error_description"] == told["message"] == told["errors"][0]["message"]
    assert AccessToken.objects.count() == 0


@pytest.mark.parametrize("header", ["Basic", "Basic !!", "Basic bm9jb2xvbg==", "Bearer x", "Digest a=b"])
@pytest.mark.usefixtures("db", "empty_cache")
def test_an_unreadable_header_is_400(header: str) -> None:
    assert ask(GRANT, authorization=header).status_code == 400


def test_two_ways_at_once_are_refused(pair: dict[str, str]) -> None:
    assert ask({**pair, **GRANT}, authorization=basic(pair)).status_code == 400


def test_unknown_wrong_and_revoked_are_told_apart_by_nothing(workspace: Workspace, pair: dict[str, str]) -> None:
    wrong = ask({**pair, **GRANT, "client_secret": "wrong"})
    unknown = ask({**pair, **GRANT, "client_id": "unknown"})
    odd = ask({**pair, **GRANT, "client_id": "a\x00b"})
    credentials.revoke(Actor("test"), ApiCredential.objects.get(), clock.now())
    revoked = ask({**pair, **GRANT})
    for answer in (wrong, unknown, odd, revoked):
        assert answer.status_code == 401
        assert answer["WWW-Authenticate"].startswith("Basic")
        assert answer.json() == wrong.json()
    assert wrong.json()["error"] == "invalid_client"


def test_get_is_405_without_a_redirect() -> None:
    assert Client().get("/oauth/token").status_code == 405


def test_guessing_is_braked_and_others_are_not(pair: dict[str, str]) -> None:
    for _ in range(10):
        assert ask({**pair, **GRANT, "client_id": "victim", "client_secret": "guess"}).status_code == 401
    braked = ask({**pair, **GRANT, "client_id": "victim", "client_secret": "guess"})
    assert braked.status_code == 429
    assert int(braked["Retry-After"]) > 0
    assert braked.json()["errors"][0]["code"] == "too_many_failures"
    assert ask({**pair, **GRANT}).status_code == 200


def test_without_valkey_tokens_are_given_all_the_same(pair: dict[str, str], settings: Any) -> None:
    settings.CACHES = {"default": settings.CACHES["default"] | {"LOCATION": "redis://127.0.0.1:1/0"}}
    assert ask({**pair, **GRANT, "client_secret": "wrong"}).status_code == 401
    assert ask({**pair, **GRANT}).status_code == 200


def test_bearer_refusals(workspace: Workspace, pair: dict[str, str]) -> None:
    token = ask({**pair, **GRANT}).json()["access_token"]
    address = f"/api/v1/workspaces/{workspace.pk}/events?identity_type=customer_id&identity=u-1"
    for headers in ({}, {"Authorization": "Bearer nope"}, {"Authorization": basic(pair)}, {"Authorization": "Bearer "}):
        answer = Client().get(address, headers=headers)
        assert answer.status_code == 401
        assert answer["WWW-Authenticate"].startswith("Bearer")
        assert answer["Content-Type"] == "application/problem+json"
    foreign = factories.workspace()
    assert read_events(foreign, token).status_code == 404


def test_an_expired_token_opens_nothing_and_is_forgotten(workspace: Workspace, pair: dict[str, str]) -> None:
    with clock.frozen(clock.now() - timedelta(seconds=tokens.LIFETIME_S + 1)):
        old = ask({**pair, **GRANT}).json()["access_token"]
    fresh = ask({**pair, **GRANT}).json()["access_token"]
    assert read_events(workspace, old).status_code == 401
    forget_expired_tokens()
    assert AccessToken.objects.count() == 1
    assert read_events(workspace, fresh).status_code == 200


def revoke(body: object, content_type: str = "application/json", authorization: str = "") -> Any:
    data = body if isinstance(body, str | bytes) else json.dumps(body)
    headers = {"Authorization": authorization} if authorization else {}
    return Client().post("/oauth/revoke", data, content_type=content_type, headers=headers)


def test_a_revoked_token_opens_nothing_from_then_on_and_others_do(workspace: Workspace, pair: dict[str, str]) -> None:
    first, second, third = (ask({**pair, **GRANT}).json()["access_token"] for _ in range(3))

    by_json = revoke({**pair, "token": first, "token_type_hint": "access_token"})
    by_form = revoke(f"token={second}", FORM, basic(pair))

    assert [(answer.status_code, answer.content) for answer in (by_json, by_form)] == [(200, b"")] * 2
    assert by_json["Cache-Control"] == "no-store"
    assert [read_events(workspace, token).status_code for token in (first, second, third)] == [401, 401, 200]
    # Ended before, or never there: no other answer (RFC 7009, 2.2).
    assert [revoke({**pair, "token": token}).status_code for token in (first, "nothing", "x" * 9000)] == [200] * 3


def test_nobody_ends_the_token_of_another(workspace: Workspace, pair: dict[str, str]) -> None:
    other = ApiCredential(workspace=workspace, name="Other", role=Role.ADMIN)
    secret = credentials.issue(Actor("test"), other)
    token = ask({**pair, **GRANT}).json()["access_token"]

    assert revoke({"client_id": other.client_id, "client_secret": secret, "token": token}).status_code == 200
    wrong = revoke({**pair, "client_secret": "wrong", "token": token})
    nobody = revoke({"token": token})

    assert (wrong.status_code, wrong.json()["error"]) == (401, "invalid_client")
    assert (nobody.status_code, nobody.json()["error"]) == (400, "invalid_request")
    assert revoke(pair).json()["error"] == "invalid_request"
    assert token not in wrong.content.decode() + nobody.content.decode()
    assert read_events(workspace, token).status_code == 200


def test_guessing_by_way_of_revocation_is_braked(pair: dict[str, str]) -> None:
    guess = {"client_id": "victim", "client_secret": "guess", "token": "x"}
    assert [revoke(guess).status_code for _ in range(11)] == [401] * 10 + [429]


def test_revoking_the_credential_ends_all_of_its_tokens(workspace: Workspace, pair: dict[str, str]) -> None:
    held = [ask({**pair, **GRANT}).json()["access_token"] for _ in range(2)]
    credentials.revoke(Actor("test"), ApiCredential.objects.get(), clock.now())
    assert [read_events(workspace, token).status_code for token in held] == [401, 401]


@pytest.mark.parametrize(
    ("role", "asked", "got"),
    [
        (Role.ADMIN, None, "read operate configure administer"),
        (Role.ADMIN, "", "read operate configure administer"),
        (Role.ADMIN, " operate  read ", "read operate"),
        (Role.EDITOR, None, "read operate configure"),
        (Role.ANALYST, None, "read"),
        (Role.VIEWER, "read", "read"),
        (Role.EDITOR, "administer", None),
        (Role.VIEWER, "read operate", None),
        (Role.ADMIN, "read everything", None),
        (Role.ADMIN, "READ", None),
    ],
)
def test_scopes_are_those_of_the_role_or_fewer(
    workspace: Workspace, empty_cache: None, role: Role, asked: str | None, got: str | None
) -> None:
    credential = ApiCredential(workspace=workspace, name="Script", role=role)
    secret = credentials.issue(Actor("test"), credential)
    scope = {} if asked is None else {"scope": asked}

    answer = ask({"client_id": credential.client_id, "client_secret": secret, **GRANT, **scope})

    if got is None:
        assert (answer.status_code, answer.json()["error"]) == (400, "invalid_scope")
        assert AccessToken.objects.count() == 0
    else:
        assert (answer.status_code, answer.json()["scope"]) == (200, got)


def test_a_role_that_was_lowered_takes_its_scopes_out_of_tokens_that_there_are(
    workspace: Workspace, pair: dict[str, str]
) -> None:
    token = ask({**pair, **GRANT, "scope": "read configure"}).json()["access_token"]
    ApiCredential.objects.update(role=Role.VIEWER)

    held = tokens.held_by(token, clock.now())

    assert held is not None
    assert held.scopes == {"read"}
