"""Connections over HTTP: made between what is one's own, switched, listed, and deleted when it is meant."""

from typing import Any

import pytest

from cdp_project.workspaces.models import AuditEntry, Role, Workspace
from connections.models import Connection, GoneConnection
from events.models import Input
from tests import factories
from tests.api_client import ApiClient
from tests.post import Post
from tests.shop import Shop, batch, custom_event
from tests.sink import Sink


@pytest.fixture
def api(workspace: Workspace) -> ApiClient:
    return ApiClient(workspace, Role.EDITOR)


def ends(source: Input) -> dict[str, int]:
    return {"input_id": source.pk, "output_id": factories.output(source.workspace).pk}


def test_an_input_is_let_send_to_an_output(api: ApiClient, feed: Input) -> None:
    given = ends(feed)
    version = api.workspace.config_version

    answer = api.post("connections", given)

    made = Connection.objects.get()
    assert answer.status_code == 201
    assert answer["Location"].endswith(f"/connections/{made.pk}")
    assert {**answer.json(), "created_at": ""} == {"id": made.pk, **given, "is_active": True, "created_at": ""}
    api.workspace.refresh_from_db()
    assert api.workspace.config_version > version
    assert AuditEntry.objects.filter(kind="connection", action="created").count() == 1


def test_there_is_one_connection_between_two_ends(api: ApiClient, feed: Input) -> None:
    given = ends(feed)
    answers = [api.post("connections", given) for _ in range(2)]

    assert [answer.status_code for answer in answers] == [201, 400]
    assert answers[1].json()["errors"][0]["code"] == "unique_together"
    assert Connection.objects.count() == 1


@pytest.mark.parametrize("foreign_end", ["input_id", "output_id"])
def test_what_belongs_to_others_and_what_does_not_exist_look_the_same(
    api: ApiClient, feed: Input, foreign_end: str
) -> None:
    foreign = ends(factories.feed(factories.workspace()))
    answers = [
        api.post("connections", {**ends(feed), foreign_end: number}) for number in (foreign[foreign_end], 2**63 - 1)
    ]

    assert [answer.status_code for answer in answers] == [400, 400]
    assert answers[0].json() == answers[1].json()
    assert [(each["pointer"], each["code"]) for each in answers[0].json()["errors"]] == [
        (f"/{foreign_end}", "not_found")
    ]
    assert Connection.objects.count() == 0


@pytest.mark.parametrize("number", [None, "x", -1, 2**63, 1.5, [1]])
def test_a_number_that_is_none_is_named(api: ApiClient, feed: Input, number: object) -> None:
    answer = api.post("connections", {**ends(feed), "input_id": number})
    assert [each["pointer"] for each in answer.json()["errors"]] == ["/input_id"]
    assert answer.status_code == 400
    assert Connection.objects.count() == 0


def test_a_connection_is_switched_and_keeps_its_ends(api: ApiClient, feed: Input) -> None:
    given = ends(feed)
    path = f"connections/{api.post('connections', given).json()['id']}"

    off = api.patch(path, {"is_active": False})
    moved = api.patch(path, {"output_id": factories.output(feed.workspace).pk})

    assert (off.status_code, off.json()["is_active"]) == (200, False)
    assert moved.status_code == 400
    found = Connection.objects.get()
    assert (found.is_active, found.output_id) == (False, given["output_id"])


def test_connections_are_listed_by_their_ends_and_state(api: ApiClient, feed: Input, web: Input) -> None:
    first = api.post("connections", ends(feed)).json()
    second = api.post("connections", {**ends(web), "is_active": False}).json()
    factories.connection(*_foreign())

    def ids(query: str) -> list[int]:
        return [each["id"] for each in api.get(f"connections?{query}").json()["results"]]

    assert ids("") == [first["id"], second["id"]]
    assert (
        ids(f"input_id={feed.pk}") == ids(f"output_id={first['output_id']}") == ids("is_active=true") == [first["id"]]
    )
    assert ids(f"input_id={feed.pk}&is_active=false") == []
    assert [api.get(f"connections?input_id={odd}").status_code for odd in ("x", "-1", str(2**63), "")] == [400] * 4


def _foreign() -> tuple[Any, Any]:
    source = factories.feed(factories.workspace())
    return source, factories.output(source.workspace)


def test_the_connection_of_another_workspace_is_not_there(api: ApiClient) -> None:
    foreign = factories.connection(*_foreign())
    path = f"connections/{foreign.pk}"

    answers = [api.get(path), api.patch(path, {"is_active": False}), api.delete(path)]

    assert [answer.status_code for answer in answers] == [404] * 3
    foreign.refresh_from_db()
    assert foreign.is_active


def test_a_viewer_switches_nothing(api: ApiClient, feed: Input) -> None:
    path = f"connections/{api.post('connections', ends(feed)).json()['id']}"
    viewer = ApiClient(api.workspace, Role.VIEWER)

    answers = [viewer.patch(path, {"is_active": False}), viewer.delete(path), viewer.post("connections", ends(feed))]

    assert [answer.status_code for answer in answers] == [403] * 3
    assert viewer.get(path).json()["is_active"] is True
    assert Connection.objects.count() == 1


def test_deleting_tells_what_waits_and_needs_to_be_meant(shop: Shop, post: Post, sink: Sink) -> None:
    connection = post.connect(sink)
    shop.process(batch(custom_event(), customer="u-1"))
    api = ApiClient(shop.workspace, Role.EDITOR)
    path = f"connections/{connection.pk}"

    refused = api.delete(path)

    assert (refused.status_code, refused.json()["code"]) == (409, "something_waits")
    assert refused.json()["detail"].startswith("1 event waits to be sent")
    assert api.delete(f"{path}?give_up=true").status_code == 204
    assert GoneConnection.objects.filter(pk=connection.pk).exists()
    post.deliver()
    assert sink.requests == []
