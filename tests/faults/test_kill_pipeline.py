"""What was accepted is processed exactly once while pipeline processes die at named places, and at random."""

import random
import time
from collections.abc import Iterator

import pytest

from tests.faults.processes import Workers, manage, replacing
from tests.product import eventually
from tests.shop import Row, Shop, batch, custom_event

pytestmark = pytest.mark.timeout(180)

PLACES = ("prepared", "taken", "steps_done", "before_commit", "after_commit")
BATCHES, PEOPLE = 600, 60
DEADLINE_S = 120


def uploads() -> Iterator[list[Row]]:
    """Bulk uploads, a hundred batches each."""
    for start in range(0, BATCHES, 100):
        yield [
            batch(
                custom_event(source_message_id=f"m-{number}"),
                customer=f"u-{number % PEOPLE}",
                source_request_id=f"r-{number}",
                user_attributes={f"a{number}": 1},
            )
            for number in range(start, start + 100)
        ]


def assert_processed_once(shop: Shop) -> None:
    assert sorted(event["data"]["source_message_id"] for event in shop.events()) == sorted(
        f"m-{number}" for number in range(BATCHES)
    )
    assert len(shop.rows("batch")) == BATCHES
    assert shop.outcomes() == {"stored": BATCHES}
    assert shop.counts("event") == {"custom_event:Viewed": BATCHES}
    assert len(shop.profiles()) == PEOPLE
    assert sum(len(profile["attributes"]) for profile in shop.profiles()) == BATCHES
    assert shop.rows("quarantine") == []


def test_processes_that_die_at_named_places_lose_and_double_nothing(shop: Shop) -> None:
    for upload in uploads():
        assert shop.post(upload, "v2/bulkevents") == 202
    at_work = Workers(manage("run_pipeline"), failpoints=[f"pipeline.{place}=kill" for place in PLACES])
    with replacing(at_work):
        eventually(shop.waiting, lambda waiting: waiting == 0, DEADLINE_S)

    assert at_work.deaths > 1
    assert_processed_once(shop)


def test_processes_killed_at_random_lose_and_double_nothing(shop: Shop) -> None:
    chance = random.Random(BATCHES)
    at_work = Workers(manage("run_pipeline"))
    with replacing(at_work):
        for upload in uploads():
            assert shop.post(upload, "v2/bulkevents") == 202
            time.sleep(chance.random())  # Not a wait for a result: the moment of the kill is chance.
            at_work.kill_one(chance)
        eventually(shop.waiting, lambda waiting: waiting == 0, DEADLINE_S)

    assert at_work.deaths > 1
    assert_processed_once(shop)
