"""One batch among four thousand of one chunk whose processing fails: it alone is put aside."""

import pytest
from pytest_django.fixtures import Settings

from events.pipeline import Chunk, apply, load_steps
from events.processing.claim import CHUNK_BATCHES_MOST
from events.processing.runner import Runner
from tests.shop import Shop, batch, custom_event

BATCHES, BULK = 4000, 100
PLACE = 2718


@pytest.fixture
def one_lane(settings: Settings) -> None:
    settings.CDP_LANES = 1


@pytest.mark.usefixtures("one_lane")
def test_one_poisonous_batch_in_four_thousand_is_quarantined_alone(shop: Shop) -> None:
    sizes: list[int] = []

    def fail(chunk: Chunk) -> None:
        sizes.append(len(chunk.contexts))
        if any(item.event.name == f"E{PLACE}" for context in chunk.contexts for item in context.items):
            raise ZeroDivisionError("a secret of the batch")

    for start in range(0, BATCHES, BULK):
        bulk = [
            batch(custom_event(f"E{n % 900 if n != PLACE else n}", n=n), customer=f"u-{n % 500}")
            for n in range(start, start + BULK)
        ]
        assert shop.post(bulk, "v2/bulkevents") == 202
    shop.runner.close()
    shop.runner = Runner([*load_steps(), apply(fail)])
    shop.drain()

    assert max(sizes) == BATCHES == CHUNK_BATCHES_MOST, "all of them were one chunk"
    (kept,) = shop.rows("quarantine")
    assert (kept["reason"], kept["detail"], kept["event_count"]) == ("poison", "builtins.ZeroDivisionError", 1)
    assert f'"E{PLACE}"'.encode() in bytes(kept["body"])
    assert sorted(event["data"]["n"] for event in shop.events()) == [n for n in range(BATCHES) if n != PLACE]
    assert shop.outcomes() == {"stored": BATCHES - 1, "poison": 1}
    assert shop.waiting() == 0
