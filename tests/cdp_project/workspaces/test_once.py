"""Unsafe calls under an Idempotency-Key: done once, answered alike, and never half."""

import threading
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from datetime import timedelta
from typing import Any

import pytest
from cryptography.fernet import Fernet
from django.db import connection, connections

from cdp_project.kernel import clock
from cdp_project.workspaces.audit import Actor
from cdp_project.workspaces.models import AuditEntry, KeptAnswer, Role, Workspace
from cdp_project.workspaces.resource_rows import saved
from cdp_project.workspaces.tasks import forget_old_answers
from events.inputs import api as inputs_api
from events.inputs import keys_api
from events.intake.issuing import IssuedKey
from events.models import Input, InputKey
from tests import factories
from tests.api_client import ApiClient

FEED = {"kind": "feed", "name": "Orders"}
REPLAYED = "idempotency-replayed"

pytestmark = pytest.mark.django_db


@pytest.fixture
def api(workspace: Workspace) -> ApiClient:
    return ApiClient(workspace)


def told(answer: Any) -> tuple[int, str]:
    return answer.status_code, answer.json()["code"]


def test_a_repeat_is_answered_the_same_and_changes_nothing(api: ApiClient) -> None:
    first = api.post("inputs", FEED, idempotency_key="k-1")
    again = api.post("inputs", FEED, idempotency_key="k-1")

    assert (first.status_code, REPLAYED in first) == (201, False)
    assert (again.status_code, again[REPLAYED]) == (201, "true")
    assert again.content == first.content
    assert [again[name] for name in ("etag", "location", "content-type")] == [
        first[name] for name in ("etag", "location", "content-type")
    ]
    assert Input.objects.count() == 1
    assert AuditEntry.objects.filter(kind="input").count() == 1


def test_without_a_key_nothing_is_kept(api: ApiClient) -> None:
    assert [api.post("inputs", FEED).status_code for _ in range(2)] == [201, 201]
    assert Input.objects.count() == 2
    assert not KeptAnswer.objects.exists()


def test_every_kind_of_change_can_be_repeated(api: ApiClient, feed: Input) -> None:
    address = f"inputs/{feed.pk}"
    changed = [api.patch(address, {"name": "A"}, idempotency_key="k-1") for _ in range(2)]
    assert changed[0].content == changed[1].content
    feed.name = "B"
    feed.save()
    assert api.patch(address, {"name": "A"}, idempotency_key="k-1").json()["name"] == "A"
    feed.refresh_from_db()
    assert feed.name == "B", "a repeat changes nothing"

    deleted = [api.delete(address, idempotency_key="k-2") for _ in range(2)]
    assert [(each.status_code, each.content) for each in deleted] == [(204, b"")] * 2
    assert api.delete(address, idempotency_key="k-3").status_code == 404


@pytest.mark.parametrize("other", [{"name": "Other"}, {"path": "inputs/{web}"}, {"method": "delete"}])
def test_a_key_belongs_to_one_request(api: ApiClient, feed: Input, web: Input, other: dict[str, str]) -> None:
    api.patch(f"inputs/{feed.pk}", {"name": "Orders"}, idempotency_key="k-1")
    path = other.get("path", "inputs/{feed}").format(feed=feed.pk, web=web.pk)
    body = {"name": other.get("name", "Orders")}
    answer = api.call(other.get("method", "patch"), path, body, {"idempotency-key": "k-1"})

    assert told(answer) == (422, "idempotency_key_reused")
    assert set(Input.objects.values_list("name", flat=True)) == {"Orders", "web"}


def test_under_another_state_it_is_another_request(api: ApiClient, feed: Input) -> None:
    first = api.patch(f"inputs/{feed.pk}", {"name": "A"}, idempotency_key="k-1", if_match='"old"')
    tag = api.get(f"inputs/{feed.pk}")["etag"]
    again = api.patch(f"inputs/{feed.pk}", {"name": "A"}, idempotency_key="k-1", if_match=tag)
    assert (told(first)[0], told(again)[0]) == (412, 422)
    assert api.patch(f"inputs/{feed.pk}", {"name": "A"}, idempotency_key="k-2", if_match=tag).status_code == 200


@pytest.mark.parametrize("headers", [{}, {"idempotency_key": "k-1"}])
def test_a_body_that_is_too_large_is_refused(api: ApiClient, headers: dict[str, str]) -> None:
    answer = api.post("inputs", {**FEED, "name": "x" * 1_000_001}, **headers)
    assert told(answer) == (413, "too_large")
    assert not KeptAnswer.objects.exists()


def test_keys_of_credentials_are_apart(api: ApiClient, workspace: Workspace) -> None:
    other = ApiClient(workspace)
    assert api.post("inputs", FEED, idempotency_key="k-1").status_code == 201
    assert REPLAYED not in other.post("inputs", FEED, idempotency_key="k-1")
    assert Input.objects.count() == 2


@pytest.mark.parametrize("key", ["", "x" * 256, "caf\xe9", "a\tb"])
def test_keys_that_cannot_be_used_are_refused(api: ApiClient, key: str) -> None:
    assert told(api.post("inputs", FEED, idempotency_key=key)) == (400, "bad_idempotency_key")
    assert not Input.objects.exists()


def test_the_longest_key_is_taken(api: ApiClient) -> None:
    assert api.post("inputs", FEED, idempotency_key="~" * 255).status_code == 201


def test_a_refusal_is_repeated_too(api: ApiClient, workspace: Workspace) -> None:
    web = {"kind": "platform", "platform": "web", "name": "Web"}
    made = api.post("inputs", web)
    first = api.post("inputs", web, idempotency_key="k-1")
    api.delete(f"inputs/{made.json()['id']}")
    again = api.post("inputs", web, idempotency_key="k-1")

    assert told(first) == told(again) == (400, "invalid")
    assert again["content-type"] == "application/problem+json"
    assert again.content == first.content
    assert not Input.objects.exists()


def test_a_refusal_half_way_leaves_its_answer_and_nothing_else(
    api: ApiClient, feed: Input, monkeypatch: pytest.MonkeyPatch
) -> None:
    def too_late(*_: object) -> str:
        feed.name = "half"
        feed.save()
        return "1 event waits."

    monkeypatch.setattr(inputs_api, "what_waits", too_late)
    assert told(api.delete(f"inputs/{feed.pk}", idempotency_key="k-1")) == (409, "something_waits")
    feed.refresh_from_db()
    assert feed.name == "Server"
    assert KeptAnswer.objects.get().status == 409


def test_a_fault_is_not_kept(api: ApiClient, feed: Input, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object) -> IssuedKey:
        raise ZeroDivisionError

    with monkeypatch.context() as patch:
        patch.setattr(keys_api, "issue", fail)
        with pytest.raises(ZeroDivisionError):
            api.post(f"inputs/{feed.pk}/keys", {}, idempotency_key="k-1")
    assert not KeptAnswer.objects.exists()
    assert api.post(f"inputs/{feed.pk}/keys", {}, idempotency_key="k-1").status_code == 201


def test_whoever_may_no_more_gets_no_repeat(api: ApiClient, feed: Input) -> None:
    assert api.post(f"inputs/{feed.pk}/keys", {}, idempotency_key="k-1").status_code == 201
    api.credential.role = Role.VIEWER
    api.credential.save()
    assert told(api.post(f"inputs/{feed.pk}/keys", {}, idempotency_key="k-1"))[0] == 403


def test_answers_with_secrets_are_kept_encrypted(api: ApiClient, feed: Input) -> None:
    first, again = (api.post(f"inputs/{feed.pk}/keys", {}, idempotency_key="k-1") for _ in range(2))

    assert first.json()["secret"] == again.json()["secret"]
    assert first["cache-control"] == again["cache-control"] == "no-store"
    assert InputKey.objects.count() == 1
    with connection.cursor() as cursor:
        cursor.execute("SELECT kept_answer::text FROM kept_answer")
        (row,) = cursor.fetchone()
    assert first.json()["secret"] not in row
    assert first.json()["key"] not in row


def test_an_answer_under_a_former_encryption_key_is_done_all_the_same(api: ApiClient, settings: Any) -> None:
    api.post("inputs", FEED, idempotency_key="k-1")
    settings.CDP_ENCRYPTION_KEYS = [Fernet.generate_key().decode()]
    assert told(api.post("inputs", FEED, idempotency_key="k-1")) == (409, "answer_unreadable")
    assert Input.objects.count() == 1


def test_actions_are_done_once_too(api: ApiClient) -> None:
    body = {"reason": "poison"}
    first, again = (api.post("quarantine/retry", body, idempotency_key="k-1") for _ in range(2))
    assert (first.status_code, first.content, again[REPLAYED]) == (200, again.content, "true")
    assert told(api.post("quarantine/discard", body, idempotency_key="k-1"))[0] == 422
    assert told(api.post("quarantine/retry", body, idempotency_key=""))[0] == 400
    assert told(api.post("deliveries/retry", {"state": "parked"}, idempotency_key="k-1"))[0] == 422


def test_old_answers_are_forgotten(api: ApiClient) -> None:
    for number in range(3):
        api.post("inputs", FEED, idempotency_key=f"k-{number}")
    KeptAnswer.objects.filter(key="k-0").update(created_at=clock.now() - timedelta(hours=25))

    forget_old_answers()
    assert set(KeptAnswer.objects.values_list("key", flat=True)) == {"k-1", "k-2"}


@pytest.mark.django_db(transaction=True)
def test_a_call_under_way_is_told_to_its_repeat(api: ApiClient, feed: Input, monkeypatch: pytest.MonkeyPatch) -> None:
    began, may_end = threading.Event(), threading.Event()

    def slow(source: Input) -> str:
        began.set()
        assert may_end.wait(10)
        return ""

    monkeypatch.setattr(inputs_api, "what_waits", slow)
    with ThreadPoolExecutor(1) as pool:
        first = pool.submit(_and_close, lambda: api.delete(f"inputs/{feed.pk}", idempotency_key="k-1"))
        assert began.wait(10)
        again = api.delete(f"inputs/{feed.pk}", idempotency_key="k-1")
        may_end.set()
        assert first.result().status_code == 204

    assert told(again) == (409, "still_under_way")
    assert again["retry-after"] == "1"
    assert api.delete(f"inputs/{feed.pk}", idempotency_key="k-1")[REPLAYED] == "true"


@pytest.mark.django_db(transaction=True)
def test_of_many_at_once_one_is_done(api: ApiClient) -> None:
    def call(_: int) -> Any:
        return _and_close(lambda: api.post("inputs", FEED, idempotency_key="k-1"))

    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(call, range(16)))

    assert {each.status_code for each in answers} <= {201, 409}
    assert len([each for each in answers if each.status_code == 201 and REPLAYED not in each]) == 1
    assert Input.objects.count() == 1


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("keys", [({}, {}), ({"idempotency_key": "k-1"}, {"idempotency_key": "k-2"})])
def test_of_calls_that_block_each_other_one_is_done_again(
    api: ApiClient, feed: Input, web: Input, monkeypatch: pytest.MonkeyPatch, keys: tuple[dict[str, str], ...]
) -> None:
    together, tries = threading.Barrier(2), []

    def crossing(actor: Actor, row: Input, data: Mapping[str, Any]) -> Input:
        """Both have their own row by now, and want the other's."""
        tries.append(row.pk)
        with suppress(threading.BrokenBarrierError):
            together.wait(5)
            together.abort()  # whoever tries again has nobody to wait for
        Input.objects.select_for_update().exclude(pk=row.pk).get()
        return saved(actor, row, data)

    monkeypatch.setattr(inputs_api, "saved", crossing)
    calls = [(feed.pk, "A", keys[0]), (web.pk, "B", keys[1])]
    with ThreadPoolExecutor(2) as pool:
        answers = list(
            pool.map(
                lambda call: _and_close(lambda: api.patch(f"inputs/{call[0]}", {"name": call[1]}, **call[2])), calls
            )
        )

    assert [each.status_code for each in answers] == [200, 200]
    assert sorted(tries) in ([feed.pk, feed.pk, web.pk], [feed.pk, web.pk, web.pk])
    assert set(Input.objects.values_list("name", flat=True)) == {"A", "B"}
    assert AuditEntry.objects.filter(kind="input", action="changed").count() == 2


def test_a_foreign_workspace_keeps_nothing(api: ApiClient) -> None:
    foreign = factories.workspace()
    assert told(api.post(f"/api/v1/workspaces/{foreign.pk}/inputs", FEED, idempotency_key="k-1"))[0] == 404
    assert not KeptAnswer.objects.exists()


def _and_close(call: Any) -> Any:
    try:
        return call()
    finally:
        connections.close_all()
