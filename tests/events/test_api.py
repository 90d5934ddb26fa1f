"""Intake over HTTP: only POST, no redirect, no page of ours around it, and a place in the schema."""

import json

import pytest
from django.core.management import call_command
from django.test import Client

from events.protocol import PROTOCOLS
from tests.events.conftest import Intake

CLIENT = Client(enforce_csrf_checks=True, headers={"host": "127.0.0.1"})
PATHS = [f"/{endpoint.path}" for protocol in PROTOCOLS.values() for endpoint in protocol.endpoints]


def test_a_post_is_answered_as_the_entrance_decides(intake: Intake) -> None:
    answer = CLIENT.post(
        "/v2/bulkevents?verbose=1",
        data=b'[{"events":[]}]',
        content_type="text/plain;charset=UTF-8",
        headers={"authorization": intake.authorization, "x-request-id": "r-1"},
    )

    assert answer.status_code == 202
    assert answer.headers["X-Request-Id"] == "r-1"
    assert answer.json()["results"][0]["status"] == "accepted"
    assert len(intake.stored()) == 1


def test_an_empty_answer_has_no_type_and_a_length(intake: Intake) -> None:
    answer = CLIENT.post(
        "/v2/events", data=b"{}", content_type="text/plain", headers={"authorization": intake.authorization}
    )

    assert (answer.status_code, answer.content) == (202, b"")
    assert "Content-Type" not in answer.headers
    assert answer.headers["Content-Length"] == "0"


@pytest.mark.parametrize("path", PATHS)
@pytest.mark.parametrize("method", ["get", "head", "put", "patch", "delete", "options"])
def test_other_methods_are_405_and_told_what_is_allowed(path: str, method: str) -> None:
    answer = getattr(CLIENT, method)(path)

    assert answer.status_code == 405
    assert answer.headers["Allow"] == "POST"
    if method != "head":
        assert answer.json()["code"] == "METHOD_NOT_ALLOWED"


@pytest.mark.parametrize("path", ["/v2/events/", "/V2/events", "/v2/Events", "/v2", "/v2/bulkevents/"])
def test_paths_are_exact_and_nothing_redirects(path: str) -> None:
    assert CLIENT.post(path, data=b"{}", content_type="application/json").status_code == 404


def test_a_body_of_no_length_is_an_empty_one(intake: Intake) -> None:
    answer = CLIENT.generic("POST", "/v2/events", headers={"authorization": intake.authorization})

    assert answer.status_code == 400
    assert "empty" in answer.json()["message"]


def test_every_endpoint_stands_in_the_schema(capsys: pytest.CaptureFixture[str]) -> None:
    call_command("spectacular", "--format", "openapi-json", "--validate", "--fail-on-warn")

    paths = json.loads(capsys.readouterr().out)["paths"]
    for path in PATHS:
        assert set(paths[path]) == {"post"}
        assert {"202", "400", "401", "403", "413", "429", "503"} <= set(paths[path]["post"]["responses"])
