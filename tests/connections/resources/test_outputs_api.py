"""Outputs over HTTP: made, shown without secrets, changed bit by bit, deleted when nothing waits or it is meant."""

from typing import Any

import pytest

from cdp_project.kernel import clock
from cdp_project.workspaces import tokens
from cdp_project.workspaces.models import AuditEntry, Role, Workspace
from cdp_project.workspaces.scopes import Scope
from connections.models import Connection, Output
from connections.outputs import secrets_of
from tests import factories
from tests.api_client import ApiClient
from tests.post import Post
from tests.shop import Shop, batch, custom_event
from tests.sink import Sink

URL = "https://hooks.example.com/in?key=canary-in-query"
CANARY = "Bearer canary-authorization"
SIGNING = "c2VjcmV0" * 4
NEW: dict[str, Any] = {
    "integration": "webhook",
    "name": "Hook",
    "settings": {"url": URL, "send": "event"},
    "secrets": {"authorization": CANARY, "signing_secret": SIGNING},
}


@pytest.fixture
def api(workspace: Workspace) -> ApiClient:
    return ApiClient(workspace, Role.EDITOR)


def made(api: ApiClient, **differing: object) -> dict[str, Any]:
    answer = api.post("outputs", {**NEW, **differing})
    assert answer.status_code == 201, answer.content
    body: dict[str, Any] = answer.json()
    return body


def errors_of(answer: Any) -> dict[str, str]:
    assert (answer.status_code, answer["Content-Type"]) == (400, "application/problem+json")
    return {each["pointer"]: each["code"] for each in answer.json()["errors"]}


def test_an_output_is_made_as_the_console_makes_it(api: ApiClient) -> None:
    answer = api.post("outputs", NEW)

    output = Output.objects.get()
    told = answer.json()
    assert answer["Location"] == f"/api/v1/workspaces/{api.workspace.pk}/outputs/{output.pk}"
    assert (told["id"], told["integration"], told["name"]) == (output.pk, "webhook", "Hook")
    assert told["settings"] == output.settings == NEW["settings"]
    assert told["secrets"] == {
        "authorization": {"is_set": True},
        "signing_secret": {"is_set": True},
        "old_signing_secret": {"is_set": False},
    }
    assert (told["is_active_in_production"], told["is_active_in_development"]) == (True, True)
    assert secrets_of(output.secrets_encrypted) == NEW["secrets"]
    assert AuditEntry.objects.get(kind="output", action="created").actor_name == "API credential script"


def test_no_answer_and_no_log_entry_has_a_secret(api: ApiClient, caplog: pytest.LogCaptureFixture) -> None:
    path = f"outputs/{made(api)['id']}"
    answers = [
        api.get("outputs"),
        api.get(path),
        api.patch(path, {"name": "Other", "secrets": {"authorization": f"{CANARY}-2"}}),
        api.patch(path, {"secrets": {"authorization": CANARY, "signing_secret": "canary-too-short"}}),
        api.patch(path, {"settings": {"authorization": CANARY}}),
    ]

    entries = str([(each.before, each.after) for each in AuditEntry.objects.all()])
    told = "".join(answer.content.decode() for answer in answers)
    for secret in ("canary-authorization", SIGNING, "canary-too-short"):
        assert secret not in told + entries + caplog.text


def test_who_only_looks_sees_addresses_without_their_query(api: ApiClient) -> None:
    path = f"outputs/{made(api)['id']}"
    viewer = ApiClient(api.workspace, Role.VIEWER)
    narrow = ApiClient(api.workspace, Role.ADMIN)
    narrow.token = tokens.issue(narrow.credential, clock.now(), frozenset({Scope.READ}))

    for looking in (viewer, narrow):
        assert looking.get(path).json()["settings"]["url"] == "https://hooks.example.com/in?…"
        assert "canary" not in looking.get("outputs").content.decode()
    assert api.get("outputs").json()["results"][0]["settings"]["url"] == URL


@pytest.mark.parametrize("role", [Role.VIEWER, Role.ANALYST])
def test_who_may_only_look_changes_nothing(api: ApiClient, role: Role) -> None:
    path = f"outputs/{made(api)['id']}"
    low = ApiClient(api.workspace, role)

    answers = [low.post("outputs", NEW), low.patch(path, {"name": "Mine"}), low.delete(path)]

    assert [(answer.status_code, answer.json()["code"]) for answer in answers] == [(403, "role_too_low")] * 3
    assert Output.objects.get().name == "Hook"


def test_settings_are_merged_and_null_takes_the_default_again(api: ApiClient) -> None:
    path = f"outputs/{made(api)['id']}"

    told = api.patch(path, {"settings": {"send": None, "send_screen_views": False}}).json()

    assert told["settings"] == {"url": URL, "send_screen_views": False}
    assert secrets_of(Output.objects.get().secrets_encrypted) == NEW["secrets"]


def test_a_secret_is_replaced_or_removed_and_others_stay(api: ApiClient) -> None:
    path = f"outputs/{made(api)['id']}"

    told = api.patch(path, {"secrets": {"authorization": None, "old_signing_secret": SIGNING}}).json()

    assert {name: each["is_set"] for name, each in told["secrets"].items()} == {
        "authorization": False,
        "signing_secret": True,
        "old_signing_secret": True,
    }
    assert secrets_of(Output.objects.get().secrets_encrypted).keys() == {"signing_secret", "old_signing_secret"}


def test_each_environment_is_switched_by_itself(api: ApiClient, settings: Any) -> None:
    path = f"outputs/{made(api)['id']}"
    # Even where nobody can read what is stored any more.
    settings.CDP_ENCRYPTION_KEYS = ["cHV0IHRoZSBmb3JtZXIga2V5IGJhY2sgdGhlcmUgISE="]

    told = api.patch(path, {"is_active_in_development": False}).json()
    refused = api.patch(path, {"settings": {"send": "batch"}})

    assert (told["is_active_in_production"], told["is_active_in_development"]) == (True, False)
    assert {each["is_set"] for each in told["secrets"].values()} == {None}
    assert (refused.status_code, refused.json()["code"]) == (409, "secrets_unreadable")


@pytest.mark.parametrize(
    ("differing", "pointer", "code"),
    [
        ({"integration": "nothing"}, "/integration", "unknown_integration"),
        ({"integration": 7}, "/integration", "unknown_integration"),
        ({"name": ""}, "/name", "blank"),
        ({"name": "a\0b"}, "/name", "null_characters_not_allowed"),
        ({"settings": {}}, "/settings/url", "unusable_setting"),
        ({"settings": {"url": "ftp://x"}}, "/settings/url", "unusable_setting"),
        ({"settings": {"url": "http://127.0.0.1/"}}, "/settings/url", "unusable_setting"),
        ({"settings": {"url": URL, "send": ["event"]}}, "/settings/send", "invalid"),
        ({"settings": {"url": URL, "send": "all"}}, "/settings/send", "unusable_setting"),
        ({"settings": {"url": URL, "send": {"a": 1}}}, "/settings/send", "invalid"),
        ({"settings": {"url": f"{URL}\0"}}, "/settings/url", "invalid"),
        ({"settings": {"url": URL, "event_age_most_hours": 10**400}}, "/settings/event_age_most_hours", "invalid"),
        ({"settings": {"url": URL, "a/b~": 1}}, "/settings/a~1b~0", "unknown_setting"),
        ({"settings": {"url": URL, "authorization": "x"}}, "/settings/authorization", "misplaced_setting"),
        ({"settings": []}, "/settings", "not_a_dict"),
        ({"secrets": {"url": "x"}}, "/secrets/url", "misplaced_setting"),
        ({"secrets": {"signing_secret": "short"}}, "/secrets/signing_secret", "unusable_setting"),
        ({"secrets": {"authorization": {"is_set": True}}}, "/secrets/authorization", "invalid"),
        ({"secrets": {"authorization": "a\0b"}}, "/secrets/authorization", "null_characters_not_allowed"),
        ({"workspace": 1}, "/workspace", "invalid"),
    ],
)
def test_what_cannot_be_used_is_named_by_its_pointer(
    api: ApiClient, differing: dict[str, object], pointer: str, code: str
) -> None:
    assert errors_of(api.post("outputs", {**NEW, **differing})) == {pointer: code}
    assert Output.objects.count() == 0
    assert AuditEntry.objects.filter(kind="output").count() == 0


def test_what_cannot_be_used_changes_nothing(api: ApiClient) -> None:
    path = f"outputs/{made(api)['id']}"
    answer = api.patch(path, {"name": "Other", "settings": {"send": "all"}})

    assert errors_of(answer) == {"/settings/send": "unusable_setting"}
    assert errors_of(api.patch(path, {"integration": "webhook"})) == {"/integration": "invalid"}
    output = Output.objects.get()
    assert (output.name, output.settings["send"]) == ("Hook", "event")


def test_an_edit_of_what_was_changed_meanwhile_is_refused(api: ApiClient) -> None:
    path = f"outputs/{made(api)['id']}"
    seen = api.get(path)["ETag"]

    first = api.patch(path, {"name": "First"}, if_match=seen)
    second = api.patch(path, {"name": "Second"}, if_match=seen)

    assert (first.status_code, second.status_code) == (200, 412)
    assert first["ETag"] != seen
    assert api.get(path, if_none_match=first["ETag"]).status_code == 304
    assert Output.objects.get().name == "First"


def test_outputs_are_listed_by_filters_and_pages(api: ApiClient) -> None:
    first, second = made(api, name="A"), made(api, name="B", is_active_in_production=False)
    factories.output(factories.workspace())

    def ids(query: str) -> list[int]:
        return [each["id"] for each in api.get(f"outputs?{query}").json()["results"]]

    assert ids("") == [first["id"], second["id"]]
    assert ids("is_active_in_production=false") == ids("name=B") == [second["id"]]
    assert ids("integration=other") == []
    page = api.get("outputs?limit=1").json()
    assert [each["id"] for each in page["results"]] == [first["id"]]
    assert ids(f"limit=1&cursor={page['next']}") == [second["id"]]
    assert api.get("outputs?is_active=false").status_code == 400


def test_the_output_of_another_workspace_is_not_there(api: ApiClient) -> None:
    foreign = factories.output(factories.workspace())
    path = f"outputs/{foreign.pk}"

    answers = [api.get(path), api.patch(path, {"name": "Mine"}), api.delete(path)]

    assert [answer.status_code for answer in answers] == [404] * 3
    foreign.refresh_from_db()
    assert foreign.name == "webhook"


def test_deleting_tells_what_waits_and_needs_to_be_meant(shop: Shop, post: Post, sink: Sink) -> None:
    connection = post.connect(sink)
    shop.process(batch(custom_event(), custom_event(), customer="u-1"))
    api = ApiClient(shop.workspace, Role.EDITOR)
    path = f"outputs/{connection.output_id}"

    refused = api.delete(path)
    assert (refused.status_code, refused.json()["code"]) == (409, "something_waits")
    assert refused.json()["detail"].startswith("2 events wait to be sent and will not be.")
    assert Output.objects.count() == Connection.objects.count() == 1

    assert api.delete(f"{path}?give_up=true").status_code == 204
    assert Output.objects.count() == Connection.objects.count() == 0
    assert api.delete(path).status_code == 404


def test_a_repeat_under_one_key_makes_one_output(api: ApiClient) -> None:
    first, second = (api.post("outputs", NEW, idempotency_key="once") for _ in range(2))

    assert first.json() == second.json()
    assert second["Idempotency-Replayed"] == "true"
    assert Output.objects.count() == 1
