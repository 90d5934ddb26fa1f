"""Each person's events arrive in the order of acceptance, while the sink refuses a twentieth and processes restart."""

import random
from collections.abc import Callable, Iterator

import pytest
from pytest_django.fixtures import Settings

from tests.faults.arrivals import Arrivals
from tests.faults.processes import Workers, manage, replacing
from tests.post import Post
from tests.product import eventually
from tests.shop import Shop, batch, custom_event
from tests.sink import Sink, running_sink

pytestmark = pytest.mark.timeout(180)

PEOPLE, WAVES, REFUSED_SHARE = 50, 16, 0.05
SEED = 7


@pytest.fixture
def sink(settings: Settings) -> Iterator[Sink]:
    settings.CDP_DELIVERY_ALLOW = ["127.0.0.1/32"]
    with running_sink() as sink:
        yield sink


def post_wave(shop: Shop, number: int) -> None:
    """One event of everybody, numbered."""
    wave = [batch(custom_event(custom_attributes={"n": number}), customer=f"u-{person}") for person in range(PEOPLE)]
    assert shop.post(wave, "v2/bulkevents") == 202


def test_every_person_is_served_in_order(shop: Shop, sink: Sink) -> None:
    chance = random.Random(SEED)
    arrivals = sink.script = Arrivals(chance, REFUSED_SHARE)
    post = Post(shop)
    made = post.connect(sink)
    pipelines, deliveries = Workers(manage("run_pipeline")), Workers(manage("run_deliveries"))
    restarts: list[Callable[[], object]] = [
        lambda: pipelines.kill_one(chance),
        lambda: deliveries.kill_one(chance),
        lambda: pipelines.end_one(chance),
        lambda: deliveries.end_one(chance),
    ]
    with replacing(pipelines, deliveries):
        for wave in range(WAVES):
            post_wave(shop, wave)
            if wave % 3 == 2:
                # Some of the wave are on the way, others wait for their turn.
                eventually(lambda some=PEOPLE * wave // 2: len(arrivals.taken) >= some, bool)  # type: ignore[misc]
                restarts[wave // 3 % len(restarts)]()
        eventually(lambda: post.sums(made), lambda sums: sums == {"delivered": PEOPLE * WAVES}, 90)

    assert arrivals.numbers == {f"u-{person}": list(range(WAVES)) for person in range(PEOPLE)}
    assert arrivals.refused > PEOPLE * WAVES * REFUSED_SHARE / 2
    assert arrivals.changed == []
    assert pipelines.deaths > 1
    assert deliveries.deaths > 1
    assert post.left() == {"outbox_chunk": 0, "outbox_delivery": 0, "delivery_exception": 0}
