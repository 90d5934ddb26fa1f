"""What is read of deliveries is looked up and not searched for, however much lies beside it."""

from collections.abc import Mapping
from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from cdp_project.kernel import clock
from cdp_project.workspaces.audit import Actor
from cdp_project.workspaces.environment import Environment
from connections import choosing, replay_actions
from connections.choosing import Selection
from connections.models import ItemState
from connections.reading import attempts
from connections.reading.own import own_connections
from connections.reading.undelivered import Wanted, undelivered
from connections.reading.verdicts import Verdicts, VerdictsPlace, verdicts, verdicts_by_hour
from tests import factories
from tests.post import Post
from tests.shop import Shop, batch, custom_event
from tests.sink import Reply, Sink

MANY_ATTEMPTS = """
INSERT INTO delivery_attempt (bucket, day, attempt_id, output_id, connection_id, chunk_id, position, event_id, at,
                              status, error, latency_ms, answer_sample)
SELECT bucket, day, md5(n::text)::uuid, output_id, connection_id, chunk_id, n, md5(n::text)::uuid, at, status, error,
       latency_ms, answer_sample
FROM delivery_attempt CROSS JOIN generate_series(1, 5000) n
"""
MANY_EXCEPTIONS = """
INSERT INTO delivery_exception (bucket, output_id, chunk_id, position, connection_id, environment, mpid, event_id,
                                state, reason, attempts, first_failed_at, last_at, next_at)
SELECT bucket, output_id, md5(n::text)::uuid, n, connection_id, environment, mpid + n, md5(n::text)::uuid,
       CASE WHEN n % 100 = 0 THEN 4 ELSE 3 END, reason, attempts, first_failed_at, last_at - n * interval '1 s', NULL
FROM delivery_exception CROSS JOIN generate_series(1, 20000) n
"""


def refuse(shop: Shop, post: Post, sink: Sink) -> None:
    """One event is sent and refused."""
    post.connect(sink)
    sink.script = lambda _: Reply(400)
    shop.process(batch(custom_event(), customer="u-1"))
    post.deliver()


def fill(statement: str, table: str) -> None:
    """Add rows, and let the planner know."""
    with connection.cursor() as cursor:
        cursor.execute(statement)
        cursor.execute(f"ANALYZE {table}")


def plan(statement: str, parameters: Mapping[str, Any] | None = None) -> str:
    with connection.cursor() as cursor:
        cursor.execute(f"EXPLAIN {statement}", parameters)
        return "\n".join(line for (line,) in cursor.fetchall())


def test_the_attempts_of_an_event(shop: Shop, post: Post, sink: Sink) -> None:
    refuse(shop, post, sink)
    (row,) = post.attempts()
    fill(MANY_ATTEMPTS, "delivery_attempt")

    parameters = {"bucket": row.bucket, "event": row.event_id, "day": row.day, "since": row.at, "most": 200}
    assert "bucket_event_id_idx" in plan(attempts._ATTEMPTS, parameters)
    assert row.event_id is not None
    assert len(attempts.attempts_of(row.bucket, row.event_id, row.at)) == 1


def test_events_that_are_tried_again(shop: Shop, post: Post, sink: Sink) -> None:
    refuse(shop, post, sink)
    (event,) = shop.events()
    fill(MANY_EXCEPTIONS, "delivery_exception")
    own = own_connections(shop.workspace, Environment.PRODUCTION)
    selection = Selection(own, ItemState.FAILED, event_ids=[event["event_id"]], people=[event["mpid"]])

    assert "delivery_exception_person" in plan(choosing._CHOSEN, choosing.parameters(selection, clock.now()))


@pytest.mark.parametrize("others", [[], [UUID(int=0)], [UUID("f" * 32)]])
def test_the_people_of_all_events_are_known_or_nobody_is_left_out(
    shop: Shop, post: Post, sink: Sink, others: list[UUID]
) -> None:
    refuse(shop, post, sink)
    (event,) = shop.events()
    own = own_connections(shop.workspace, Environment.PRODUCTION)
    wanted = Selection(own, ItemState.FAILED, event_ids=[event["event_id"], *others])

    assert replay_actions._people(shop.workspace, wanted) == (None if others else {event["mpid"]})
    assert replay_actions._people(factories.workspace(), wanted) is None
    assert replay_actions.retry(Actor("test"), shop.workspace, wanted).items == 1


def test_the_list_of_one_state(shop: Shop, post: Post, sink: Sink) -> None:
    refuse(shop, post, sink)
    fill(MANY_EXCEPTIONS, "delivery_exception")
    own = own_connections(shop.workspace, Environment.PRODUCTION)

    with CaptureQueriesContext(connection) as asked:
        (item,) = undelivered(own, Wanted(ItemState.FAILED), before=None, limit=1)
    assert item.state == ItemState.FAILED
    assert "delivery_exception_state" in plan(asked.captured_queries[0]["sql"])


@pytest.mark.parametrize("by", ["", "hour"])
def test_verdicts_of_a_page_only(shop: Shop, post: Post, sink: Sink, by: str) -> None:
    """Each page begins where the one before it ended, and is no longer than asked for."""
    refuse(shop, post, sink)
    post.connect(sink), post.connect(sink)
    shop.process(batch(custom_event(), customer="u-1"))
    own = own_connections(shop.workspace, Environment.PRODUCTION)
    hours, now = timedelta(hours=1), clock.now()

    def read(place: VerdictsPlace | None) -> list[Verdicts]:
        if by:
            return verdicts_by_hour(own, now - hours, now, before=place, limit=1)
        return verdicts(own, after=place, limit=1)

    seen: list[int] = []
    place = None
    while found := read(place):
        (each,) = found
        place = each.place
        seen.append(each.connection_id)
    assert seen == sorted(own.outputs, reverse=bool(by))
