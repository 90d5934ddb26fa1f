"""Taking requests in: the Events API's acceptance cases (reference 4, EV) that are decided before processing."""

import gzip
import json
import logging
import os
from datetime import timedelta
from typing import Any

import pytest
from django.db import connections
from hypothesis import HealthCheck, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st
from pytest_django import Settings

from cdp_project.kernel import clock
from cdp_project.kernel.buckets import bucket_of_id, day_of_id
from cdp_project.workspaces.environment import Environment
from events import ingest
from events.intake import waits
from events.intake.bodies import unpack
from events.intake.desk import desk
from events.intake.issuing import issue_key
from events.models import InputKey
from tests import factories
from tests.events.conftest import Intake, basic, error_of
from tests.events.intake.test_group_commit import inbox_locked, wait_until

EVENT = {"event_type": "custom_event", "data": {"event_name": "Opened", "custom_event_type": "navigation"}}
BATCH = {"environment": "development", "user_identities": {"customer_id": "c-1"}, "events": [EVENT]}
BULK, HISTORICAL = "v2/bulkevents", "v2/bulkevents/historical"


def test_ev_1_a_valid_batch_is_stored_and_answered_without_a_body(intake: Intake) -> None:
    body = json.dumps(BATCH).encode()

    reply = intake.post(body)

    assert (reply.status, reply.body) == (202, b"")
    assert set(reply.headers) == {"X-Request-Id"}
    (row,) = intake.stored()
    assert bytes(row.body) == body
    assert (row.input_id, row.workspace_id) == (intake.source.pk, intake.source.workspace_id)
    assert (row.environment, row.protocol, row.event_count) == (Environment.DEVELOPMENT, "mparticle", 1)
    assert not row.is_historical
    assert bucket_of_id(row.batch_id) == row.bucket
    assert day_of_id(row.batch_id) == row.received_at.date()


@pytest.mark.parametrize("header", ["", "  "])
def test_ev_2_without_authorization_it_is_401(intake: Intake, header: str) -> None:
    reply = intake.post(BATCH, headers={"authorization": header})

    assert error_of(reply)[:2] == (401, "UNAUTHORIZED")
    assert reply.headers["WWW-Authenticate"].startswith("Basic")
    assert intake.stored() == []


@pytest.mark.parametrize(
    "header",
    [
        "Basic",
        "Basic !!!",
        "Basic Og==",
        "Basic /////w==",
        "Bearer abc",
        basic("unknown", "secret"),
        basic("\0", "\0"),
        basic("ключ", "тайна"),
        "Basic " + "A" * 10_000,
    ],
)
def test_wrong_credentials_are_403_whatever_is_wrong(intake: Intake, header: str) -> None:
    assert error_of(intake.post(BATCH, headers={"authorization": header}))[:2] == (403, "FORBIDDEN")
    assert intake.stored() == []


def test_key_and_secret_must_belong_together(intake: Intake) -> None:
    other = issue_key(factories.feed(factories.workspace()), clock.now())
    expired = issue_key(intake.source, clock.now())
    InputKey.objects.filter(key=expired.key).update(expires_at=clock.now() - timedelta(seconds=1))

    shown = [(intake.key.key, other.secret), (other.key, intake.key.secret), (expired.key, expired.secret)]
    answers = [intake.post(BATCH, headers={"authorization": basic(*pair)}) for pair in shown]

    assert {error_of(answer) for answer in answers} == {error_of(answers[0])}
    assert error_of(answers[0])[0] == 403
    assert intake.stored() == []


def test_a_second_key_works_beside_the_first(intake: Intake) -> None:
    second = issue_key(intake.source, clock.now())

    assert intake.post(BATCH, headers={"authorization": basic(second.key, second.secret)}).status == 202
    assert intake.post(BATCH).status == 202


def test_an_input_that_is_off_takes_nothing(intake: Intake) -> None:
    intake.source.is_active = False
    intake.source.save()

    assert error_of(intake.post(BATCH))[0] == 403
    assert intake.stored() == []


def test_ev_4_truncated_json_is_400(intake: Intake) -> None:
    assert error_of(intake.post(b'{"events":['))[:2] == (400, "BAD_REQUEST")


def test_ev_5_the_message_names_the_missing_field(intake: Intake) -> None:
    reply = intake.post({"events": [EVENT, {"data": {}}]})

    assert error_of(reply) == (400, "BAD_REQUEST", "events[1].event_type is missing.")
    assert intake.stored() == []


def test_ev_7_a_bulk_takes_100_batches_and_no_more(intake: Intake) -> None:
    assert error_of(intake.post([{}] * 101, BULK))[:2] == (400, "BAD_REQUEST")
    assert intake.stored() == []
    assert intake.post([{}] * 100, BULK).status == 202
    assert len(intake.stored()) == 100


def test_ev_8_a_body_of_300_kb_is_413(intake: Intake) -> None:
    assert error_of(intake.post(b"x" * 300_000))[:2] == (413, "REQUEST_TOO_LARGE")
    assert error_of(intake.post(gzip.compress(b"x" * 300_000), headers={"content-encoding": "gzip"}))[0] == 413
    assert intake.stored() == []


def test_a_single_batch_of_more_than_128_kb_is_413(intake: Intake) -> None:
    assert error_of(intake.post({"user_attributes": {"a": "x" * 131_072}}))[0] == 413


def test_ev_10_the_used_share_of_the_limit_is_told(intake: Intake) -> None:
    intake.source.batches_per_second_most = 100
    intake.source.save()
    with clock.frozen(clock.now()):
        reply = intake.post([{}] * 92, BULK)
        over = intake.post([{}] * 9, BULK)

    assert reply.status == 202
    assert reply.headers["X-mp-rate-limit-percentage-used"] == "92"
    assert error_of(over)[:2] == (429, "TOO_MANY_REQUESTS")
    assert over.headers["X-mp-rate-limit-exceeded"] == "feed"
    assert over.headers["Retry-After"] == "1"
    assert len(intake.stored()) == 92


def test_ev_23_commerce_with_two_actions_is_400_and_with_one_202(intake: Intake) -> None:
    both = {"product_action": {"action": "purchase"}, "promotion_action": {"action": "view"}}

    assert error_of(intake.post({"events": [{"event_type": "commerce_event", "data": both}]}))[0] == 400
    both["promotion_action"] = None  # type: ignore[assignment]
    assert intake.post({"events": [{"event_type": "commerce_event", "data": both}]}).status == 202


def test_historical_batches_are_marked(intake: Intake) -> None:
    assert intake.post([BATCH], HISTORICAL).status == 202
    assert [row.is_historical for row in intake.stored()] == [True]


@pytest.mark.parametrize("body", [b"{}", b"null", b'"x"', b"", b"[{}", b"[{}] x"])
def test_a_bulk_that_is_no_array_is_400_whole(intake: Intake, body: bytes) -> None:
    assert error_of(intake.post(body, BULK))[:2] == (400, "BAD_REQUEST")
    assert intake.stored() == []


def test_a_bad_batch_in_a_bulk_is_taken_as_it_was_sent_and_told_when_asked(intake: Intake) -> None:
    parts = [b'{"user_identities":{"email":"a@example.com"}}', b' {"events": [ {} ] }', b"7", rb'{"ip":"\ud800"}']
    body = b"[" + b",".join(parts) + b"]"

    assert intake.post(body, BULK).body == b""
    reply = intake.post(body, BULK, query={"verbose": "1"})

    rows = intake.stored()
    results = json.loads(reply.body)["results"]
    assert sorted(bytes(row.body) for row in rows) == sorted(2 * [part.strip() for part in parts])
    assert [result["status"] for result in results] == ["accepted", "quarantined", "quarantined", "accepted"]
    assert results[1]["code"] == "malformed"
    assert "event_type" in results[1]["message"]
    assert [result["index"] for result in results] == [0, 1, 2, 3]
    bodies = {str(row.batch_id): bytes(row.body) for row in rows}
    assert [bodies[result["batch_id"]] for result in results] == [part.strip() for part in parts]
    assert reply.headers["Content-Type"] == "application/json"


def test_a_historical_bulk_tells_when_asked_which_batches_are_no_history(intake: Intake) -> None:
    def at(hours: int) -> dict[str, Any]:
        then = clock.milliseconds(clock.now() - timedelta(hours=hours))
        return {"event_type": "opt_out", "data": {"timestamp_unixtime_ms": then}}

    batches = [{"events": events} for events in ([at(73)], [at(71)], [at(73), {"event_type": "opt_out"}], [])]
    reply = intake.post(batches, "v2/bulkevents/historical", query={"verbose": "1"})
    ordinary = intake.post(batches, BULK, query={"verbose": "1"})

    results = json.loads(reply.body)["results"]
    assert [result["status"] for result in results] == ["accepted", "skipped", "skipped", "skipped"]
    assert results[1]["code"] == "not_historical"
    assert "72 hours" in results[1]["message"]
    assert {result["status"] for result in json.loads(ordinary.body)["results"]} == {"accepted"}


def test_an_empty_bulk_is_taken(intake: Intake) -> None:
    assert intake.post([], BULK).status == 202
    assert intake.stored() == []


@pytest.mark.parametrize(
    "content_type",
    [
        "application/json",
        "application/json;charset=utf-8",
        "text/plain;charset=UTF-8",
        "text/plain",
        "application/x-www-form-urlencoded",
    ],
)
def test_the_body_is_json_whatever_it_is_called(intake: Intake, content_type: str) -> None:
    assert intake.post(BATCH, headers={"content-type": content_type}).status == 202


def test_large_bodies_are_packed(intake: Intake) -> None:
    body = json.dumps(BATCH | {"events": [EVENT] * 50}).encode()
    sent = gzip.compress(body)

    assert intake.post(sent, headers={"content-encoding": "gzip"}).status == 202

    (row,) = intake.stored()
    assert row.encoding == 1
    assert len(row.body) < len(body) / 4
    assert unpack(row.encoding, bytes(row.body)) == body


def test_one_person_waits_in_one_lane_in_the_order_of_arrival(intake: Intake) -> None:
    for number in range(5):
        intake.post(BATCH | {"source_request_id": str(number), "mp_deviceid": f"d{number}"})

    rows = intake.stored()
    assert len({row.bucket for row in rows}) == 1
    assert [json.loads(bytes(row.body))["source_request_id"] for row in rows] == list("01234")


def test_many_people_spread_over_all_lanes(intake: Intake, settings: Settings) -> None:
    settings.CDP_LANES = 4
    intake.post([{"mp_deviceid": f"d{number}"} for number in range(100)], BULK)

    assert {row.bucket for row in intake.stored()} == {0, 1024, 2048, 3072}


def test_a_request_id_is_echoed_when_it_is_sane_and_made_when_not(intake: Intake) -> None:
    assert intake.post(BATCH, headers={"x-request-id": "abc-1.2:3_4"}).headers["X-Request-Id"] == "abc-1.2:3_4"
    for odd in ("", "a b", "a\r\nb: c", "x" * 101, "é"):
        made = intake.post(BATCH, headers={"x-request-id": odd}).headers["X-Request-Id"]
        assert len(made) == 32
    refused = intake.post(b"", headers={"x-request-id": "abc"})
    assert refused.headers["X-Request-Id"] == "abc"


def test_a_refusal_is_logged_with_its_id_and_without_secrets(intake: Intake, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.INFO):
        intake.post(b'{"user_identities":{"email":"ann@example.com"}', headers={"x-request-id": "find-me"})

    assert "find-me" in caplog.text
    assert "BAD_REQUEST" in caplog.text
    for hidden in (intake.key.secret, intake.authorization, "ann@example.com"):
        assert hidden not in caplog.text


def test_without_a_database_it_is_503_and_recovers_by_itself(intake: Intake, monkeypatch: pytest.MonkeyPatch) -> None:
    with monkeypatch.context() as away:
        away.setitem(connections["default"].settings_dict, "PORT", "1")
        ingest.release()
        unknown_key = intake.post(BATCH)
    assert error_of(unknown_key)[:2] == (503, "UNAVAILABLE")
    assert intake.post(BATCH).status == 202
    with monkeypatch.context() as away:
        away.setitem(connections["default"].settings_dict, "PORT", "1")
        desk.group_commit.close()
        known_key = intake.post(BATCH)

    assert error_of(known_key)[:2] == (503, "UNAVAILABLE")
    assert int(known_key.headers["Retry-After"]) > 0
    assert intake.post(BATCH).status == 202
    assert len(intake.stored()) == 2


def test_a_store_that_does_not_answer_in_time_is_503(intake: Intake, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(waits, "STORE_WAIT_S", 0.2)
    assert intake.post(BATCH).status == 202
    with inbox_locked():
        first, second = intake.post(BATCH), intake.post(BATCH)

    assert error_of(first)[:2] == error_of(second)[:2] == (503, "UNAVAILABLE")
    # The first was in the database's hands, so nobody knows; the second never got there.
    wait_until(lambda: len(intake.stored()) == 2)
    monkeypatch.undo()
    assert intake.post(BATCH).status == 202
    assert len(intake.stored()) == 3


def test_more_than_may_wait_is_503_at_once(intake: Intake, settings: Settings) -> None:
    settings.CDP_INTAKE_WAITING_REQUESTS = 0

    reply = intake.post(BATCH)

    assert error_of(reply)[:2] == (503, "UNAVAILABLE")
    assert reply.headers["Retry-After"] == "1"


@pytest.mark.filterwarnings("ignore:.*fork.*:DeprecationWarning")
def test_a_forked_process_stores_over_connections_of_its_own(intake: Intake) -> None:
    assert intake.post(BATCH).status == 202
    child = os.fork()
    if child == 0:
        status = 0
        try:
            status = intake.post(BATCH).status
        finally:
            os._exit(status != 202)

    _, code = os.waitpid(child, 0)

    assert os.waitstatus_to_exitcode(code) == 0
    assert intake.post(BATCH).status == 202
    assert len(intake.stored()) == 3


bodies = st.one_of(
    st.binary(max_size=300),
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=50),
        lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=20), inner, max_size=3),
    ).map(lambda value: json.dumps(value).encode()),
)


@hypothesis_settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    body=bodies,
    path=st.sampled_from(["v2/events", BULK, HISTORICAL]),
    encoding=st.sampled_from(["", "gzip", "br"]),
)
def test_whatever_comes_is_answered_and_stored_whole_or_not_at_all(
    intake: Intake, body: bytes, path: str, encoding: str
) -> None:
    before = len(intake.stored())

    reply = intake.post(body, path, headers={"content-encoding": encoding})

    added = len(intake.stored()) - before
    assert reply.status in {202, 400, 413, 415}
    if reply.status == 202:
        value: Any = json.loads(body)
        assert added == (1 if path == "v2/events" else len(value))
    else:
        assert added == 0
        error_of(reply)
