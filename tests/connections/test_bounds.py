"""However large what waits is once it is unpacked, little of it is in hand at once; all of it arrives."""

import time
from collections import Counter
from collections.abc import Callable, Collection
from datetime import timedelta
from uuid import UUID

import pytest

from cdp_project.kernel import clock
from cdp_project.kernel.database import Connection, connect
from connections import again, claim, filling, waiting
from connections.breaker import PEOPLE_IN_A_ROW
from connections.claim import ChunkKey, Payload
from connections.deliver import Deliveries
from connections.models import ItemState, OutboxDelivery
from connections.payload import json_bytes
from connections.room import Hand, Room
from connections.waiting import Line, lock_rows
from tests.post import Post
from tests.shop import Row, Shop, batch, custom_event
from tests.sink import Reply, Sink

# Packs to next to nothing.
REPETITIVE = {f"text {number}": "ab" * 400 for number in range(50)}
SIZE = 40_000


def large(name: str, customer: str = "u-1") -> Row:
    return batch(custom_event(name, custom_attributes=REPETITIVE), customer=customer)


def test_the_size_of_what_cannot_be_read_is_not_told() -> None:
    assert json_bytes(b"") == json_bytes(b"broken") == 0


def test_what_is_gathered_is_bounded_by_its_size_unpacked(
    shop: Shop, post: Post, sink: Sink, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(waiting, "JSON_BYTES_MOST", 3 * SIZE)
    made = post.connect(sink, send="batch", gather="ten_minutes")
    with post.at_this_time():
        for number in range(5):
            shop.process(large(f"{number}"))
    delivery = OutboxDelivery.objects.first()
    assert delivery is not None
    with connect() as own:
        rows, is_crowded = lock_rows(own, Line(delivery.bucket, made.output_id, made.pk, delivery.environment))
    assert (len(rows), is_crowded) == (2, True)

    post.gather()
    post.gather(after=timedelta(minutes=11))
    post.deliver()

    assert sink.names() == [f"{number}" for number in range(5)]
    assert post.sums(made) == {"delivered": 5}


def taken(room: Room, *, items: int = 1, size: int = 1, of: int = 100) -> int:
    return sum(room.takes(items, size) for _ in range(of))


def test_a_lane_takes_in_chunks_as_long_as_there_is_room() -> None:
    assert taken(Room(Hand(), 1000, 1000, is_empty=True)) == 8
    assert taken(Room(Hand(), 1000, 1000, is_empty=True), items=400) == 3
    assert taken(Room(Hand(), 1000, 1000, is_empty=True), size=400) == 3
    assert taken(Room(Hand(), 0, 1000, is_empty=False)) == 0


def test_lanes_share_what_a_process_has_in_hand_and_none_is_left_with_nothing() -> None:
    hand = Hand(10)
    assert taken(Room(hand, 1000, 1000, is_empty=False), size=4) == 3
    assert taken(Room(hand, 1000, 1000, is_empty=False), size=4) == 0
    assert taken(Room(hand, 1000, 1000, is_empty=True), size=4) == 1


def turn_until(loop: Deliveries, condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 30
    while not condition():
        assert time.monotonic() < deadline, "it did not happen in time"
        if not loop.turn():
            loop.wait(0.01)


def in_hand(loop: Deliveries) -> int:
    return sum(len(lane.consignments) for lane in loop._lanes)


def test_when_much_is_in_hand_all_arrives_one_chunk_of_a_lane_after_the_other(
    shop: Shop, post: Post, sink: Sink, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(filling, "HAND_BYTES_MOST", SIZE)
    made = post.connect(sink)
    for number in range(5):
        shop.process(large(f"{number}"))
    with post.deliveries() as loop:
        most = 0

        def all_arrived() -> bool:
            nonlocal most
            most = max(most, in_hand(loop))
            return post.sums(made) == {"delivered": 5}

        turn_until(loop, all_arrived)
    assert most == 1
    assert sink.names() == [f"{number}" for number in range(5)]


def test_of_an_output_that_is_paused_a_lane_holds_one_chunk(shop: Shop, post: Post, sink: Sink) -> None:
    made = post.connect(sink)
    sink.script = lambda _: Reply(503)
    shop.process(*(batch(custom_event(), customer=f"u-{n}") for n in range(PEOPLE_IN_A_ROW)))
    with clock.frozen(post._now), post.deliveries() as loop:
        turn_until(loop, lambda: loop._courier.is_paused(made.output_id) and not in_hand(loop))
        for number in range(4):
            shop.process(batch(custom_event(f"{number}"), customer="late"))
        loop.hint()
        turn_until(loop, lambda: in_hand(loop) > 0)
        loop.turn()
        assert in_hand(loop) == 1
    sink.script = lambda _: Reply()
    for _ in range(4):
        post.deliver(after=timedelta(seconds=70))
    assert post.sums(made) == {"delivered": PEOPLE_IN_A_ROW + 4}


def test_what_is_tried_again_is_unpacked_a_little_at_a_time(
    shop: Shop, post: Post, sink: Sink, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(again, "CHUNKS_AT_ONCE", 2)
    monkeypatch.setattr(again, "BYTES_MOST", SIZE)
    made = post.connect(sink)
    sink.script = lambda _: Reply(500)
    for number in range(7):
        shop.process(large(f"{number}"))
    post.deliver()
    assert len(post.exceptions(ItemState.HELD)) == 6
    sink.script = lambda _: Reply()
    sink.requests.clear()
    asked: Counter[int] = Counter()

    class Counting(claim.Payloads):
        def get(self, connection: Connection, chunks: Collection[ChunkKey]) -> dict[UUID, Payload]:
            asked[len(sink.requests)] += len(chunks)
            return super().get(connection, chunks)

    monkeypatch.setattr(claim, "Payloads", Counting)

    post.deliver(after=timedelta(minutes=1))

    assert sink.names() == [f"{number}" for number in range(7)]
    assert max(asked.values()) == 2
    assert post.sums(made) == {"delivered": 7}
    assert post.left() == {"outbox_chunk": 0, "outbox_delivery": 0, "delivery_exception": 0}
