"""However large what waits is once it is unpacked, little of it is in hand at once; all of it arrives."""

from datetime import timedelta

import pytest

from cdp_project.kernel.database import connect
from connections import waiting
from connections.models import OutboxDelivery
from connections.payload import json_bytes
from connections.waiting import Line, lock_rows
from tests.post import Post
from tests.shop import Row, Shop, batch, custom_event
from tests.sink import Sink

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
