"""What a connection carried stays counted when it is deleted, alone or with its input or output."""

from collections.abc import Callable
from typing import Any

import pytest
from django.test import Client

from cdp_project.workspaces import audit, configuration
from cdp_project.workspaces.audit import Actor
from cdp_project.workspaces.models import Role, Workspace
from connections.models import Connection, GoneConnection
from tests import factories
from tests.identity.test_api import token_of
from tests.post import Post
from tests.shop import Shop, batch, custom_event
from tests.sink import Reply, Sink

Results = list[dict[str, Any]]
Read = Callable[..., Results]


@pytest.fixture
def read(client: Client) -> Read:
    """The results of a list of a workspace."""

    def read(workspace: Workspace, path: str) -> Results:
        token = token_of(workspace, Role.VIEWER)
        answer = client.get(f"/api/v1/workspaces/{workspace.pk}/{path}", headers={"authorization": f"Bearer {token}"})
        assert answer.status_code == 200
        results: Results = answer.json()["results"]
        return results

    return read


def upload(shop: Shop, count: int = 3) -> None:
    shop.process(*(batch(custom_event(f"E{number}"), customer=f"u-{number}") for number in range(count)))


def test_a_deleted_output_keeps_its_sums(shop: Shop, post: Post, sink: Sink, second_sink: Sink, read: Read) -> None:
    gone, kept = post.connect(sink), post.connect(second_sink)
    upload(shop)
    number, output_id = gone.pk, gone.output_id
    gone.output.delete()
    configuration.changed(shop.workspace)
    post.deliver()

    first, second = read(shop.workspace, "verdicts")
    assert (first["connection_id"], first["output_id"], first["is_deleted"]) == (number, output_id, True)
    assert first["sums"] == {"waiting": 0, "delivered": 0, "withheld": 3, "failed": 0, "stored": 3}
    assert first["reasons"]["withheld"] == {"output_deleted": 3}
    assert (second["connection_id"], second["is_deleted"]) == (kept.pk, False)
    assert second["sums"]["stored"] == second["sums"]["delivered"] == len(shop.events())
    assert {each["is_deleted"] for each in read(shop.workspace, "verdicts?by=hour")} == {True, False}
    assert sink.requests == []


def test_faults_of_a_deleted_connection_still_show(
    shop: Shop, post: Post, sink: Sink, read: Read, client: Client
) -> None:
    gone = post.connect(sink)
    sink.script = lambda _: Reply(400)
    upload(shop)
    post.deliver()
    number = gone.pk
    gone.delete()
    configuration.changed(shop.workspace)

    for path in ("deliveries", "alerts", f"verdicts?connection_id={number}"):
        assert {(each["connection_id"], each["is_deleted"]) for each in read(shop.workspace, path)} == {(number, True)}
    # There is nothing left to try it on.
    retried = client.post(
        f"/api/v1/workspaces/{shop.workspace.pk}/deliveries/retry",
        {"state": "failed"},
        "application/json",
        headers={"authorization": f"Bearer {token_of(shop.workspace, Role.EDITOR)}"},
    )
    assert retried.json() == {"items": 0, "is_more": False}


def test_another_workspace_sees_none_of_it(shop: Shop, post: Post, sink: Sink, read: Read, client: Client) -> None:
    gone = post.connect(sink)
    sink.script = lambda _: Reply(400)
    upload(shop)
    post.deliver()
    number, output_id = gone.pk, gone.output_id
    gone.output.delete()
    other = factories.workspace()

    for path in ("verdicts", "deliveries", "alerts"):
        assert read(other, path) == []
        for narrowed in (f"?connection_id={number}", f"?output_id={output_id}"):
            address = f"/api/v1/workspaces/{other.pk}/{path}{narrowed}"
            answer = client.get(address, headers={"authorization": f"Bearer {token_of(other, Role.VIEWER)}"})
            assert answer.json()["code"] == "bad_parameter"


def test_it_is_remembered_however_it_is_deleted(shop: Shop) -> None:
    targets = [factories.output(shop.workspace, url="https://a.example/") for _ in range(3)]
    by_itself, by_output, by_input = (factories.connection(shop.source, each) for each in targets)
    numbers = [each.pk for each in (by_itself, by_output, by_input)]

    audit.delete(Actor("test"), by_itself)
    audit.delete(Actor("test"), by_output.output)
    audit.delete(Actor("test"), shop.source)

    found = GoneConnection.objects.all()
    assert [each.pk for each in found] == numbers
    assert {(each.input_name, each.output_name) for each in found} == {("Server", "webhook")}
    assert not Connection.objects.exists()


def test_a_deleted_workspace_leaves_nothing(shop: Shop) -> None:
    for _ in range(2):
        factories.connection(shop.source, factories.output(shop.workspace, url="https://a.example/"))
    Connection.objects.first().delete()  # type: ignore[union-attr] # there are two
    assert GoneConnection.objects.count() == 1

    shop.workspace.delete()

    assert not GoneConnection.objects.exists()
