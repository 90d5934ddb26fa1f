"""Alerts that somebody takes care of: the first who says so stays, and counts do not move."""

from datetime import timedelta
from typing import Any

import pytest

from cdp_project.kernel import clock
from cdp_project.workspaces.models import AuditEntry, Role
from connections.models import AlertAcknowledgement
from tests import factories
from tests.api_client import ApiClient
from tests.connections.test_reading import compact
from tests.post import Post
from tests.shop import Shop, batch, custom_event
from tests.sink import Reply, Sink


@pytest.fixture
def editor(shop: Shop) -> ApiClient:
    return ApiClient(shop.workspace, Role.EDITOR, name="editor")


@pytest.fixture
def alert(shop: Shop, post: Post, sink: Sink, editor: ApiClient) -> dict[str, Any]:
    """Of one event that was refused."""
    sink.script = lambda _: Reply(400)
    post.connect(sink)
    shop.process(batch(custom_event(), customer="u-1"))
    post.deliver()
    (found,) = editor.get("alerts").json()["results"]
    return dict(found)


def test_the_first_to_acknowledge_an_alert_stays(shop: Shop, editor: ApiClient, alert: dict[str, Any]) -> None:
    other = ApiClient(shop.workspace, Role.EDITOR, name="other")
    before = clock.now()

    first = editor.post(f"alerts/{alert['id']}/acknowledge", {})
    second = other.post(f"alerts/{alert['id']}/acknowledge", {})

    assert (alert["acknowledged_by"], alert["acknowledged_at"]) == (None, None)
    assert first.status_code == second.status_code == 200
    assert first.json() == second.json() == editor.get("alerts").json()["results"][0]
    assert first.json()["acknowledged_by"] == "API credential editor"
    noted = AlertAcknowledgement.objects.get()
    assert before <= noted.acknowledged_at <= clock.now()
    assert {**first.json(), "acknowledged_by": None, "acknowledged_at": None} == alert
    assert AuditEntry.objects.filter(action="acknowledged").count() == 1


def test_it_stays_when_counts_are_compacted(editor: ApiClient, alert: dict[str, Any]) -> None:
    editor.post(f"alerts/{alert['id']}/acknowledge", {})
    compact()
    assert editor.get("alerts").json()["results"][0]["acknowledged_by"] == "API credential editor"


def test_a_later_hour_is_another_alert(shop: Shop, post: Post, editor: ApiClient, alert: dict[str, Any]) -> None:
    editor.post(f"alerts/{alert['id']}/acknowledge", {})
    shop.process(batch(custom_event(), customer="u-2"))
    post.deliver(after=timedelta(hours=1))

    later = (clock.now() + timedelta(hours=2)).strftime("%Y-%m-%dT%H:%MZ")
    told = [each["acknowledged_by"] for each in editor.get(f"alerts?to={later}").json()["results"]]
    assert told == [None, "API credential editor"]


def test_nobody_acknowledges_what_is_not_theirs_or_not_there(
    shop: Shop, editor: ApiClient, alert: dict[str, Any]
) -> None:
    path = f"alerts/{alert['id']}/acknowledge"
    stranger = ApiClient(factories.workspace(), Role.ADMIN)
    foreign, unknown = stranger.post(path, {}), stranger.post("alerts/nobody-1/acknowledge", {})
    development = editor.post(f"{path}?environment=development", {})
    viewer = ApiClient(shop.workspace, Role.VIEWER).post(path, {})

    assert [each.status_code for each in (foreign, unknown, development, viewer)] == [404, 404, 404, 403]
    assert foreign.json() == unknown.json()
    assert AlertAcknowledgement.objects.count() == 0
    assert AuditEntry.objects.filter(action="acknowledged").count() == 0
