"""Inputs over HTTP: listed, made, changed, deleted, by whom, and what is refused."""

from concurrent.futures import ThreadPoolExecutor
from threading import Barrier
from typing import Any

import pytest
from django.db import connections

from cdp_project.workspaces.models import AuditEntry, Role, Workspace
from connections.models import Connection
from events.models import Input
from events.processing.runner import Runner
from tests import factories
from tests.api_client import ApiClient
from tests.shop import Shop, batch, custom_event

pytestmark = pytest.mark.django_db
FEED = {"kind": "feed", "name": "Orders"}


@pytest.fixture
def api(workspace: Workspace) -> ApiClient:
    return ApiClient(workspace, Role.EDITOR)


def errors(answer: Any) -> dict[str, str]:
    """Pointers with their sentences."""
    assert answer.status_code == 400, answer.text
    assert answer["content-type"] == "application/problem+json"
    return {each["pointer"]: each["detail"] for each in answer.json()["errors"]}


def test_an_input_is_made_read_changed_and_deleted(api: ApiClient, workspace: Workspace) -> None:
    made = api.post("inputs", {**FEED, "batches_per_second_most": 5})
    assert made.status_code == 201
    row = made.json()
    assert (row["name"], row["platform"], row["is_active"], row["batches_per_second_most"]) == ("Orders", None, True, 5)
    assert made["location"] == f"/api/v1/workspaces/{workspace.pk}/inputs/{row['id']}"

    read = api.get(made["location"])
    assert (read.json(), read["etag"]) == (row, made["etag"])

    changed = api.patch(made["location"], {"batches_per_second_most": None, "protection": "read_only"})
    assert changed.status_code == 200
    assert changed.json() == {**row, "batches_per_second_most": None, "protection": "read_only"}
    assert changed["etag"] not in {"", made["etag"]}

    assert api.delete(made["location"]).status_code == 204
    assert api.get(made["location"]).status_code == 404
    told = AuditEntry.objects.order_by("pk").values_list("action", "kind", "actor_name")
    assert list(told)[-3:] == [(each, "input", "API credential script") for each in ("created", "changed", "deleted")]


def test_changes_move_the_configuration_version(api: ApiClient, workspace: Workspace, feed: Input) -> None:
    workspace.refresh_from_db()
    was = workspace.config_version
    api.patch(f"inputs/{feed.pk}", {"name": "Orders"})
    workspace.refresh_from_db()
    assert workspace.config_version == was + 1
    api.patch(f"inputs/{feed.pk}", {})
    workspace.refresh_from_db()
    assert workspace.config_version == was + 1


def test_lists_are_narrowed_and_paged(api: ApiClient, workspace: Workspace, feed: Input, web: Input) -> None:
    Input.objects.filter(pk=feed.pk).update(is_active=False)
    factories.feed(factories.workspace())

    def ids(query: str = "") -> list[int]:
        return [each["id"] for each in api.get(f"inputs?{query}").json()["results"]]

    assert ids() == [feed.pk, web.pk]
    assert ids("kind=platform") == ids("platform=web") == ids("is_active=true") == ids("name=web") == [web.pk]
    assert ids("kind=feed&is_active=true") == []
    first = api.get("inputs?limit=1").json()
    assert [each["id"] for each in first["results"]] == [feed.pk]
    second = api.get(f"inputs?limit=1&cursor={first['next']}").json()
    assert ([each["id"] for each in second["results"]], second["next"]) == ([web.pk], None)


@pytest.mark.parametrize(
    "query",
    [
        "kind=nonsense", "kind=", "is_active=yes", "is_active=1", "is_active=", "nonsense=1", "kind=feed&kind=feed",
        "limit=0", "limit=x", "cursor=x", "cursor=W10", "environment=production", "name=%00", "name=%20",
    ],
)  # fmt: skip
def test_parameters_that_cannot_be_used_never_widen_the_list(api: ApiClient, feed: Input, query: str) -> None:
    answer = api.get(f"inputs?{query}")
    assert (answer.status_code, answer.json()["code"]) == (400, "bad_parameter")
    assert query.partition("=")[0] in answer.json()["detail"]


@pytest.mark.parametrize(
    ("body", "pointer"),
    [
        ({"kind": "feed"}, "/name"),
        ({**FEED, "name": ""}, "/name"),
        ({**FEED, "name": "a\0b"}, "/name"),
        ({**FEED, "name": "x" * 101}, "/name"),
        ({**FEED, "kind": "nonsense"}, "/kind"),
        ({**FEED, "kind": None}, "/kind"),
        ({"kind": "platform", "name": "Web"}, "/platform"),
        ({"kind": "platform", "platform": "web", "name": "Web"}, "/platform"),
        ({**FEED, "platform": "mainframe"}, "/platform"),
        ({**FEED, "batches_per_second_most": 0}, "/batches_per_second_most"),
        ({**FEED, "batches_per_second_most": 2**31}, "/batches_per_second_most"),
        ({**FEED, "acceleration_most": "fast"}, "/acceleration_most"),
        ({**FEED, "is_active": "perhaps"}, "/is_active"),
        ({**FEED, "workspace": 1}, "/workspace"),
        ({**FEED, "a/b~c": 1}, "/a~1b~0c"),
        ([], ""),
        (5, ""),
    ],
)
def test_what_cannot_be_an_input_is_told_by_pointer(api: ApiClient, web: Input, body: object, pointer: str) -> None:
    assert set(errors(api.post("inputs", body))) == {pointer}
    assert Input.objects.count() == 1


def test_a_change_is_checked_as_a_whole(api: ApiClient, web: Input, feed: Input) -> None:
    assert set(errors(api.patch(f"inputs/{feed.pk}", {"kind": "platform", "platform": "web"}))) == {"/platform"}
    assert set(errors(api.patch(f"inputs/{web.pk}", {"platform": None}))) == {"/platform"}
    assert set(errors(api.patch(f"inputs/{web.pk}", {"id": 5}))) == {"/id"}
    assert not AuditEntry.objects.filter(kind="input").exists()


@pytest.mark.django_db(transaction=True)
def test_of_two_that_make_the_same_platform_at_once_one_does(api: ApiClient) -> None:
    together, body = Barrier(2), {"kind": "platform", "platform": "web", "name": "Web"}

    def make(_: int) -> int:
        together.wait(10)
        try:
            return int(api.post("inputs", body).status_code)
        finally:
            connections.close_all()

    for _ in range(5):
        with ThreadPoolExecutor(2) as pool:
            made, refused = sorted(pool.map(make, range(2)))
        assert made == 201
        assert refused in {400, 409}
        assert Input.objects.count() == 1
        Input.objects.all().delete()


def test_viewers_look_and_change_nothing(workspace: Workspace, feed: Input) -> None:
    viewer = ApiClient(workspace, Role.VIEWER)
    assert viewer.get("inputs").status_code == viewer.get(f"inputs/{feed.pk}").status_code == 200
    refused = [
        viewer.post("inputs", FEED),
        viewer.patch(f"inputs/{feed.pk}", {"name": "x"}),
        viewer.delete(f"inputs/{feed.pk}"),
    ]
    assert [(each.status_code, each.json()["code"]) for each in refused] == [(403, "role_too_low")] * 3
    assert list(Input.objects.values_list("name", flat=True)) == ["Server"]


def test_what_is_foreign_is_not_there(api: ApiClient) -> None:
    foreign = factories.feed(factories.workspace())
    own = f"inputs/{foreign.pk}"
    theirs = f"/api/v1/workspaces/{foreign.workspace.pk}/inputs"
    answers = [
        api.get(own), api.patch(own, {"name": "x"}), api.delete(own), api.get("inputs/x"), api.get(f"inputs/{2**70}"),
        api.get(theirs), api.post(theirs, FEED), api.patch(f"{theirs}/{foreign.pk}", {"name": "x"}),
        api.delete(f"{theirs}/{foreign.pk}"),
    ]  # fmt: skip
    assert {(each.status_code, each.json()["code"]) for each in answers} == {(404, "not_found")}
    foreign.refresh_from_db()
    assert foreign.name == "Server"


def test_what_waits_is_told_before_it_is_given_up(shop: Shop) -> None:
    api = ApiClient(shop.workspace, Role.EDITOR)
    factories.connection(shop.source, factories.output(shop.workspace, url="https://hooks.example.com/"))
    shop.process(batch(custom_event(), customer="u-1"))
    shop.post(batch(custom_event(), custom_event(), customer="u-1"))
    own = f"inputs/{shop.source.pk}"

    refused = api.delete(own)
    assert (refused.status_code, refused.json()["code"]) == (409, "something_waits")
    assert "1 batch with 2 events" in refused.json()["detail"]
    assert "1 event waits to be sent and will not be." in refused.json()["detail"]
    assert api.delete(f"{own}?give_up=false").status_code == 409
    assert api.delete(f"{own}?give_up=perhaps").status_code == 400
    assert Connection.objects.exists()

    assert api.delete(f"{own}?give_up=true").status_code == 204
    assert not Connection.objects.exists()
    shop.runner.close()
    shop.runner = Runner(holder=shop.runner._holder)  # one that has no copy of the configuration yet
    shop.drain()
    assert shop.outcomes()["input_deleted"] == 2
