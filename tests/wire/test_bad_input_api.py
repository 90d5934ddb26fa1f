"""Bad input to the token endpoint and the management API, over real sockets: problems in words, and nothing changed."""

import json
from collections.abc import Mapping
from typing import Any

import pytest

from cdp_project.workspaces import credentials
from cdp_project.workspaces.audit import Actor
from cdp_project.workspaces.models import ApiCredential, AuditEntry, Role
from events.models import Input
from tests.identity.test_api import token_of
from tests.shop import Shop
from tests.wire.web import Answer, Web, request

JSON = "application/json"
FORM = "application/x-www-form-urlencoded"
MB = 1_000_000
BODIES = {
    "nothing": b"",
    "truncated": b'{"name":',
    "null": b"null",
    "an array": b"[]",
    "a number": b"7",
    "no UTF-8": b'{"name":"\xff"}',
    "a raw NUL": b'{"name":"\0"}',
    "deep lists": b"[" * 100_000,
    "deep objects": b'{"name":' * 50_000,
    "deep and closed": b'{"name":' + b"[" * 50_000 + b"]" * 50_000 + b"}",
    "beyond double": b'{"name":1e999}',
    "NaN": b'{"name":NaN}',
    "400 digits": b'{"name":1' + b"0" * 400 + b"}",
    "many keys": b"{" + b",".join(b'"%d":1' % number for number in range(60_000)) + b"}",
    "a NUL": rb'{"name":"a\u0000b","kind":"feed"}',
    "a lone surrogate": rb'{"name":"a\ud800b","kind":"feed"}',
    "2 MB": b'{"name":"' + b"x" * 2 * MB + b'"}',
}
TYPES = ("text/plain", "application/xml", "multipart/form-data; boundary=x", "%%%")


def helps(answer: Answer | None, *statuses: int) -> Any:
    """A problem that says what is wrong, with the status."""
    assert answer is not None
    assert answer.status in statuses, answer
    said = answer.json
    assert said["code"]
    assert " " in (said.get("detail") or said["message"])
    assert "Traceback" not in answer.body.decode()
    return said


@pytest.fixture
def headers(web: Web, shop: Shop) -> Mapping[str, str]:
    return {"Authorization": f"Bearer {token_of(shop.workspace, Role.ADMIN)}", "Content-Type": JSON}


@pytest.fixture
def base(shop: Shop) -> str:
    return f"/api/v1/workspaces/{shop.workspace.pk}"


@pytest.mark.parametrize("body", BODIES.values(), ids=BODIES)
def test_bodies_that_cannot_be_used_change_nothing(
    web: Web, shop: Shop, headers: Mapping[str, str], base: str, body: bytes
) -> None:
    entries, inputs = AuditEntry.objects.count(), list(Input.objects.values())
    with web.bounded(80):
        for method, path in (
            ("POST", f"{base}/inputs"),
            ("PATCH", f"{base}/inputs/{shop.source.pk}"),
            ("POST", f"{base}/deliveries/retry"),
            ("POST", f"{base}/quarantine/discard"),
        ):
            answer = web.ask(request(method, path, body, headers))
            if (answer and answer.status, method, body) != (200, "PATCH", b""):
                helps(answer, 400, 413)
    assert AuditEntry.objects.count() == entries
    assert list(Input.objects.values()) == inputs


@pytest.mark.parametrize("kind", TYPES)
def test_other_content_types_are_refused(web: Web, headers: Mapping[str, str], base: str, kind: str) -> None:
    body = json.dumps({"name": "x", "kind": "feed"}).encode()
    helps(web.ask(request("POST", f"{base}/inputs", body, {**headers, "Content-Type": kind})), 400, 415)
    helps(web.ask(request("POST", "/oauth/token", body, {"Content-Type": kind})), 400, 415)


@pytest.mark.parametrize(
    "query",
    ["limit=1" + "0" * 4000, "cursor=%ff", "cursor=%00", "a=1&" * 5000, "limit=1e1", "%ff=%ff", "=", "limit=%D9%A3"],
)
def test_queries_are_read_strictly(web: Web, headers: Mapping[str, str], base: str, query: str) -> None:
    for path in ("inputs", "outputs", "events", "quarantine", "profiles"):
        helps(web.ask(request("GET", f"{base}/{path}?{query}", b"", headers)), 400)


@pytest.mark.parametrize(
    "name", ["1" + "0" * 400, "-1", "%00", "%ff", "%ed%a0%80", "1%2F2", "1.0", "%D9%A3", "x" * 8000]
)
def test_ids_that_nothing_can_have_are_not_found(web: Web, headers: Mapping[str, str], base: str, name: str) -> None:
    for path in ("inputs", "outputs", "connections", "profiles", "events", "quarantine"):
        helps(web.ask(request("GET", f"{base}/{path}/{name}", b"", headers)), 400, 404)
    helps(web.ask(request("GET", f"/api/v1/workspaces/{name}/inputs", b"", headers)), 404)


@pytest.mark.parametrize("token", ["", "x", "x" * 20_000, "\u00ff\u0080", "a b c", "%00", "null"])
def test_what_is_no_token_is_401(web: Web, base: str, token: str) -> None:
    answer = web.ask(request("GET", f"{base}/inputs", b"", {"Authorization": f"Bearer {token}"}))
    helps(answer, 401)
    assert answer is not None
    assert "x" * 100 not in answer.body.decode()


@pytest.mark.parametrize("body", BODIES.values(), ids=BODIES)
def test_requests_for_tokens_that_cannot_be_read_get_none(web: Web, shop: Shop, body: bytes) -> None:
    with web.bounded(80):
        for path in ("/oauth/token", "/oauth/revoke"):
            for kind in (JSON, FORM):
                said = helps(web.ask(request("POST", path, body, {"Content-Type": kind})), 400, 401, 413)
                assert "access_token" not in said


NASTY_PAIRS = ("a\0b", "\ud800", "x" * 100_000, "", " ", "' OR 1=1 --", "%00")


@pytest.mark.parametrize("text", NASTY_PAIRS, ids=range(len(NASTY_PAIRS)))
def test_client_ids_and_secrets_of_any_kind_are_compared_and_no_more(web: Web, shop: Shop, text: str) -> None:
    credential = ApiCredential(workspace=shop.workspace, name="script", role=Role.VIEWER)
    secret = credentials.issue(Actor("test"), credential)
    for client_id, client_secret in ((text, secret), (credential.client_id, text), (text, text)):
        fields = {"grant_type": "client_credentials", "client_id": client_id, "client_secret": client_secret}
        answer = web.ask(request("POST", "/oauth/token", json.dumps(fields).encode(), {"Content-Type": JSON}))
        said = helps(answer, 400, 401, 429)
        assert "access_token" not in said
        assert secret not in json.dumps(said)
