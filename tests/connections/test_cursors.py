"""Whatever cursor comes, of this list or another or of nobody, is answered or refused and never breaks anything."""

import base64
import json
from datetime import UTC, datetime, timedelta, timezone

import pytest
from django.test import Client
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from cdp_project.workspaces.models import Role
from events.models import StoredEvent
from tests.identity.test_api import token_of
from tests.post import Post
from tests.shop import Shop, batch, custom_event
from tests.sink import Reply, Sink

LISTS = ["deliveries", "alerts", "verdicts", "verdicts?by=hour", "events", "events?mpid={mpid}", "quarantine"]
LISTS += ["profiles/{mpid}/sessions"]
EDGES = [0, -1, 2**15, 2**31 - 1, 2**31, 2**62, 2**63 - 1, -(2**63), 2**63]

zones = st.sampled_from([UTC, timezone(timedelta(hours=14)), timezone(timedelta(hours=-14))])
moments = st.datetimes(timezones=zones) | zones.flatmap(
    lambda zone: st.sampled_from([datetime.min.replace(tzinfo=zone), datetime.max.replace(tzinfo=zone)])
)
times, ids = moments.map(datetime.isoformat), st.uuids().map(str) | st.just("f" * 32) | st.just("0" * 32)
numbers = st.integers(-(2**64), 2**64) | st.sampled_from(EDGES)
words = st.text(max_size=5) | st.just("\0")
positions = st.one_of(
    st.tuples(times, ids),
    st.tuples(times, numbers),
    st.tuples(times, ids, numbers, numbers),
    st.tuples(times, numbers, numbers, numbers, words),
    st.lists(st.none() | times | ids | numbers | words, max_size=5).map(tuple),
)


@pytest.fixture
def token(shop: Shop, post: Post, sink: Sink) -> str:
    """A viewer of a workspace in which every list has something."""
    post.connect(sink)
    sink.script = lambda _: Reply(400)
    shop.process(batch(custom_event(), customer="u-1"))
    shop.post([{"environment": "staging"}], "v2/bulkevents")
    shop.drain()
    post.deliver()
    return token_of(shop.workspace, Role.VIEWER)


@settings(max_examples=80, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(path=st.sampled_from(LISTS), position=positions)
@example("deliveries", ("9999-01-01T00:00:00+00:00", "f" * 32, 1, 2**40))
@example("events", ("9999-12-31T23:59:59-14:00", "f" * 32))
@example("alerts", ("0001-01-01T00:00:00+14:00", 2**62, 2**62, 2**62, "x"))
def test_no_cursor_breaks_a_list(shop: Shop, client: Client, token: str, path: str, position: tuple[object]) -> None:
    cursor = base64.urlsafe_b64encode(json.dumps(position).encode()).decode().rstrip("=")
    place = path.format(mpid=StoredEvent.objects.get().mpid)
    address = f"/api/v1/workspaces/{shop.workspace.pk}/{place}{'&' if '?' in place else '?'}cursor={cursor}"

    answer = client.get(address, headers={"authorization": f"Bearer {token}"})

    assert answer.status_code in {200, 400}
    assert answer.status_code == 200 or answer.json()["code"] == "bad_parameter"
