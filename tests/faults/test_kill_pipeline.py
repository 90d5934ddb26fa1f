"""What was accepted is processed exactly once while pipeline processes die at named places, and at random."""

import os
import random
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from django.db import connection

from tests.shop import Row, Shop, batch, custom_event

pytestmark = pytest.mark.timeout(180)

ROOT = Path(__file__).parents[2]
PLACES = ("prepared", "taken", "steps_done", "before_commit", "after_commit")
PROCESSES = 2
BATCHES, PEOPLE = 600, 60
DEADLINE_S = 120


class Pipelines:
    """Pipeline processes that are started again when they die."""

    def __init__(self, failpoints: str = "") -> None:
        url = os.environ["DATABASE_URL"].rpartition("/")[0] + f"/{connection.settings_dict['NAME']}"
        self._environment = {**os.environ, "DATABASE_URL": url, "CDP_FAILPOINTS": failpoints}
        self.running = [self._start() for _ in range(PROCESSES)]
        self.deaths = 0

    def _start(self) -> "subprocess.Popen[bytes]":
        command = [sys.executable, "manage.py", "run_pipeline"]
        return subprocess.Popen(command, cwd=ROOT, env=self._environment, stderr=subprocess.DEVNULL)

    def replace_the_dead(self) -> None:
        for place, process in enumerate(self.running):
            if process.poll() is not None:
                self.deaths += 1
                self.running[place] = self._start()

    def stop(self) -> None:
        for process in self.running:
            process.kill()
            process.wait()


@contextmanager
def pipelines(failpoints: str = "") -> Iterator[Pipelines]:
    started = Pipelines(failpoints)
    try:
        yield started
    finally:
        started.stop()


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


def until_nothing_waits(shop: Shop, at_work: Pipelines) -> None:
    deadline = time.monotonic() + DEADLINE_S
    while shop.waiting():
        assert time.monotonic() < deadline, "batches wait for ever"
        time.sleep(0.05)
        at_work.replace_the_dead()


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
    with pipelines(",".join(f"pipeline.{place}=kill:0.08" for place in PLACES)) as at_work:
        until_nothing_waits(shop, at_work)

    assert at_work.deaths > 0
    assert_processed_once(shop)


def test_processes_killed_at_random_lose_and_double_nothing(shop: Shop) -> None:
    with pipelines() as at_work:
        for upload in uploads():
            assert shop.post(upload, "v2/bulkevents") == 202
            time.sleep(random.random())  # Not a wait for a result: the moment of the kill is chance.
            random.choice(at_work.running).kill()
            at_work.replace_the_dead()
        until_nothing_waits(shop, at_work)

    assert_processed_once(shop)
