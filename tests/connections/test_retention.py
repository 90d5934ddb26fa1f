"""What was not delivered is kept for 30 days, and not a day longer."""

import time
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from datetime import timedelta
from typing import Any

import pytest

from cdp_project.kernel import clock, partitions
from cdp_project.kernel.database import Connection, connect
from cdp_project.workspaces import audit
from cdp_project.workspaces.audit import Actor
from cdp_project.workspaces.environment import Environment
from connections import record, replay, retention, tasks
from connections.choosing import Selection
from connections.models import ItemState
from connections.reading.own import own_connections
from tests.post import Post
from tests.shop import Shop, batch, custom_event
from tests.sink import Reply, Sink


@pytest.mark.parametrize(("days", "is_kept"), [(29, True), (31, False)])
def test_refused_items_and_their_payloads(shop: Shop, post: Post, sink: Sink, days: int, is_kept: bool) -> None:
    connection = post.connect(sink)
    sink.script = lambda _: Reply(400)
    shop.process(batch(custom_event(), custom_event(), customer="u-1"))
    post.deliver()

    with connect(autocommit=True) as own:
        forgotten = retention.forget_old(own, clock.now() + timedelta(days=days))

    assert forgotten == (0 if is_kept else 2)
    assert post.left() == {
        "outbox_chunk": int(is_kept),
        "outbox_delivery": int(is_kept),
        "delivery_exception": 2 * is_kept,
    }
    assert post.sums(connection) == {"failed": 2}


WAITING_FOR_A_LOCK = "SELECT count(*) FROM pg_stat_activity WHERE pid = %s AND wait_event_type = 'Lock'"


def wait_until_ended_or_locked_out(backend: Connection, ended: Callable[[], bool]) -> None:
    """Until it is done, or waits for somebody else's transaction."""
    deadline = time.monotonic() + 30
    with connect(autocommit=True) as own:
        while not ended() and own.execute(WAITING_FOR_A_LOCK, (backend.info.backend_pid,)).fetchone() == (0,):
            assert time.monotonic() < deadline, "it did not happen in time"


def test_what_somebody_lets_go_again_at_this_moment_is_kept(shop: Shop, post: Post, sink: Sink) -> None:
    connection = post.connect(sink)
    sink.script = lambda _: Reply(400)
    shop.process(batch(custom_event(), customer="u-1"))
    post.deliver()
    later = clock.now() + timedelta(days=31)
    selection = Selection(own_connections(shop.workspace, Environment.PRODUCTION), ItemState.FAILED)

    with connect(autocommit=True) as somebody, connect(autocommit=True) as chore, ThreadPoolExecutor(1) as pool:
        with somebody.transaction():
            assert replay.retry(somebody, selection, later).items == 1
            forgotten = pool.submit(retention.forget_old, chore, later)
            wait_until_ended_or_locked_out(chore, forgotten.done)
        assert forgotten.result(30) == 0

    assert post.reasons(connection) == {"waiting": {"retrying": 1}}
    assert post.left() == {"outbox_chunk": 1, "outbox_delivery": 1, "delivery_exception": 1}


FORGET_ONE = "DELETE FROM delivery_exception WHERE position = %s RETURNING bucket, output_id, chunk_id"


def test_two_who_empty_a_delivery_at_once_leave_nothing_behind(shop: Shop, post: Post, sink: Sink) -> None:
    post.connect(sink)
    sink.script = lambda _: Reply(400)
    shop.process(batch(custom_event(), custom_event(), customer="u-1"))
    post.deliver()

    def forget_one(connection: Connection, position: int) -> None:
        with connection.transaction():
            rows: list[tuple[Any, ...]] = connection.execute(FORGET_ONE, (position,)).fetchall()
            record.close_emptied(connection, {(bucket, output_id, chunk_id) for bucket, output_id, chunk_id in rows})

    with connect(autocommit=True) as one, connect(autocommit=True) as other, ThreadPoolExecutor(1) as pool:
        with one.transaction():
            forget_one(one, 0)
            ended: Future[None] = pool.submit(forget_one, other, 1)
            wait_until_ended_or_locked_out(other, ended.done)
        ended.result(30)

    assert post.left() == {"outbox_chunk": 0, "outbox_delivery": 0, "delivery_exception": 0}


def test_a_payload_that_another_output_waits_for_stays(shop: Shop, post: Post, sink: Sink, second_sink: Sink) -> None:
    post.connect(sink), post.connect(second_sink)
    sink.script = lambda _: Reply(400)
    second_sink.script = lambda _: Reply(500)
    shop.process(batch(custom_event(), customer="u-1"))
    post.deliver()

    with connect(autocommit=True) as own:
        assert retention.forget_old(own, clock.now() + timedelta(days=31)) == 1
    assert post.left() == {"outbox_chunk": 1, "outbox_delivery": 1, "delivery_exception": 1}

    second_sink.script = lambda _: Reply()
    post.deliver(after=timedelta(seconds=5))
    assert post.left() == {"outbox_chunk": 0, "outbox_delivery": 0, "delivery_exception": 0}


def test_old_days_of_the_log_of_attempts_go(transactional_db: None) -> None:
    today = clock.day_of(clock.now())
    with connect(autocommit=True) as own:
        partitions.make_days(own, "delivery_attempt", [today - timedelta(days=31), today - timedelta(days=30), today])

    tasks.forget_old_deliveries()

    with connect(autocommit=True) as own:
        left = partitions.partitions_of(own, "delivery_attempt")
    assert partitions.day_partition("delivery_attempt", today - timedelta(days=31)) not in left
    assert partitions.day_partition("delivery_attempt", today - timedelta(days=30)) in left


def test_lanes_of_deleted_outputs_go_when_nothing_is_left_there(
    shop: Shop, post: Post, sink: Sink, second_sink: Sink
) -> None:
    gone, left = post.connect(sink), post.connect(second_sink)
    shop.process(batch(custom_event(), customer="u-1"))
    with connect(autocommit=True) as own:
        soon, later = clock.now() + timedelta(minutes=1), clock.now() + timedelta(hours=1)
        much_later = clock.now() + timedelta(days=31)
        assert retention.drop_lanes_of_deleted(own, later) == 0
        gone_id = gone.output_id
        audit.delete(Actor("test"), gone.output)
        assert retention.drop_lanes_of_deleted(own, later) == 0
        post.deliver()
        assert retention.drop_lanes_of_deleted(own, soon) == 0
        assert retention.drop_lanes_of_deleted(own, later) == 0  # What was withheld is still there to be told.
        assert retention.forget_old(own, much_later) == 1
        assert retention.drop_lanes_of_deleted(own, later) == 1
        lanes = {output for (output,) in own.execute("SELECT output_id FROM delivery_lane").fetchall()}
    assert lanes == {left.output_id}
    assert gone_id not in lanes
    assert post.sums(left) == {"delivered": 1}
