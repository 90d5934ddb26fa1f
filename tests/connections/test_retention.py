"""What was not delivered is kept for 30 days, and not a day longer."""

from datetime import timedelta

import pytest

from cdp_project.kernel import clock, partitions
from cdp_project.kernel.database import connect
from cdp_project.workspaces import audit
from cdp_project.workspaces.audit import Actor
from connections import retention, tasks
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
