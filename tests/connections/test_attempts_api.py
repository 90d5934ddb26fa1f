"""Requests of one event over HTTP: latest first, page by page, by connection; nobody else's, and no secret."""

from datetime import timedelta
from typing import Any

import pytest
from django.db import connection as database
from django.test.utils import CaptureQueriesContext

from cdp_project.workspaces.models import Role
from tests import factories
from tests.api_client import ApiClient
from tests.connections.test_reading_plans import MANY_ATTEMPTS, fill, plan
from tests.post import Post
from tests.shop import Shop, batch, custom_event
from tests.sink import Reply, Sink


@pytest.fixture
def api(shop: Shop) -> ApiClient:
    return ApiClient(shop.workspace, Role.VIEWER)


def tried(shop: Shop, post: Post, *sinks: Sink) -> str:
    """An event that was sent three times to each of them; its id."""
    for each in sinks:
        each.script = lambda _: Reply(503, body=b"canary busy Bearer sk_live_1234567890abcdef")
        post.connect(each, authorization="Bearer canary-secret")
    shop.process(batch(custom_event(), customer="u-1"))
    for hours in (0, 1, 2):
        post.deliver(after=timedelta(hours=hours))
    (event,) = shop.events()
    return str(event["event_id"])


def test_requests_of_an_event_are_listed_page_by_page(shop: Shop, post: Post, sink: Sink, api: ApiClient) -> None:
    event_id = tried(shop, post, sink)
    found: list[dict[str, Any]] = []
    more: str | None = ""
    while more is not None:
        answer = api.get(f"attempts?event_id={event_id}&limit=2{more}").json()
        found += answer["results"]
        more = answer["next"] and f"&cursor={answer['next']}"

    assert [(each["status"], each["error"], each["label"]) for each in found] == [
        (503, "http_503", "503 Service Unavailable")
    ] * 3
    assert [each["at"] for each in found] == sorted({each["at"] for each in found}, reverse=True)
    assert len({each["attempt_id"] for each in found}) == 3
    assert "canary-secret" not in str(found)


def test_requests_are_narrowed_to_a_connection_or_an_output(
    shop: Shop, post: Post, sink: Sink, second_sink: Sink, api: ApiClient
) -> None:
    event_id = tried(shop, post, sink, second_sink)
    everything = api.get(f"attempts?event_id={event_id}").json()["results"]
    ends = {(each["connection_id"], each["output_id"]) for each in everything}

    assert (len(everything), len(ends)) == (6, 2)
    for connection_id, output_id in ends:
        for narrowed in (f"connection_id={connection_id}", f"output_id={output_id}"):
            results = api.get(f"attempts?event_id={event_id}&{narrowed}").json()["results"]
            assert {(each["connection_id"], each["output_id"]) for each in results} == {(connection_id, output_id)}


def test_foreign_and_unknown_events_have_none(shop: Shop, post: Post, sink: Sink, api: ApiClient) -> None:
    event_id = tried(shop, post, sink)
    stranger = ApiClient(factories.workspace(), Role.ADMIN)
    foreign = stranger.get(f"attempts?event_id={event_id}")
    unknown = stranger.get(f"attempts?event_id={event_id[:-4]}ffff")

    assert foreign.json() == unknown.json() == {"results": [], "next": None}
    assert api.get(f"attempts?event_id={event_id}&environment=development").json()["results"] == []
    (output_id,) = {each["output_id"] for each in api.get(f"attempts?event_id={event_id}").json()["results"]}
    assert stranger.get(f"attempts?event_id={event_id}&output_id={output_id}").status_code == 400


@pytest.mark.parametrize("query", ["", "event_id=", "event_id=x", "output_id=1", "event_id=x&state=parked"])
def test_the_event_has_to_be_named(api: ApiClient, query: str) -> None:
    answer = api.get(f"attempts?{query}")
    assert (answer.status_code, answer.json()["code"]) == (400, "bad_parameter")


def test_they_are_looked_up_and_not_searched_for(shop: Shop, post: Post, sink: Sink, api: ApiClient) -> None:
    event_id = tried(shop, post, sink)
    fill(MANY_ATTEMPTS.replace("md5(n::text)", "md5(attempt_id::text || n)"), "delivery_attempt")

    with CaptureQueriesContext(database) as asked:
        assert len(api.get(f"attempts?event_id={event_id}").json()["results"]) == 3

    (sql,) = [query["sql"] for query in asked.captured_queries if "FROM delivery_attempt" in query["sql"]]
    assert "bucket_event_id_idx" in plan(sql)
