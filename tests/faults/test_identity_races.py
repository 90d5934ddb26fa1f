"""Sixty-four first events of one unseen device, processed at the same time: one person, time after time."""

import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from datetime import timedelta

import pytest
from django.conf import settings
from django.db import connection

from cdp_project.kernel import clock
from events.intake.lane_key import lane_buckets
from events.models import Lane
from events.processing.runner import Runner
from tests.shop import Row, Shop, batch, custom_event

pytestmark = pytest.mark.timeout(180)

PARALLEL, RUNNERS = 64, 4
LONG = timedelta(hours=1)
ROUNDS = [25, pytest.param(200, marks=pytest.mark.soak)]


class Race:
    """Runners, each in a thread and with a connection of its own, that begin at the same moment."""

    def __init__(self) -> None:
        self._runners = [Runner() for _ in range(RUNNERS)]
        self._start = threading.Barrier(RUNNERS)
        self._pool = ThreadPoolExecutor(RUNNERS)

    def run(self) -> None:
        """Process what waits; each runner has a part of the lanes, or the first would take them all."""
        for number, bucket in enumerate(lane_buckets(settings.CDP_LANES)):
            holder = self._runners[number % RUNNERS]._holder
            Lane.objects.update_or_create(
                bucket=bucket, defaults={"lease_holder": holder, "leased_until": clock.now() + LONG}
            )
        list(self._pool.map(self._drain, self._runners))

    def _drain(self, runner: Runner) -> None:
        self._start.wait(30)
        runner.drain()

    def close(self) -> None:
        self._pool.shutdown()
        for runner in self._runners:
            runner.close()


@contextmanager
def race() -> Iterator[Race]:
    ready = Race()
    try:
        yield ready
    finally:
        ready.close()


def first_events(number: int) -> list[Row]:
    """All of one device; lanes go by the other identity, so that they are worked side by side."""
    phone = {"android_uuid": f"phone-{number}"}
    return [
        batch(custom_event(phone=number), user_identities={"other": f"o-{number}-{place}"}, device_info=phone)
        for place in range(PARALLEL)
    ]


def owners(shop: Shop) -> dict[int, tuple[int, int]]:
    """Of each phone, how many events there are and of how many people."""
    statement = (
        "SELECT (data->>'phone')::int, count(*), count(DISTINCT mpid) FROM event WHERE workspace_id = %s GROUP BY 1"
    )
    with connection.cursor() as cursor:
        cursor.execute(statement, [shop.workspace.pk])
        return {phone: (events, people) for phone, events, people in cursor.fetchall()}


@pytest.mark.parametrize("rounds", ROUNDS)
def test_parallel_first_events_of_an_unseen_device_make_one_person(shop: Shop, rounds: int) -> None:
    with race() as at_once:
        for number in range(rounds):
            assert shop.post(first_events(number), "v2/bulkevents") == 202
            at_once.run()
    shop.drain()

    assert owners(shop) == dict.fromkeys(range(rounds), (PARALLEL, 1))
    assert len(shop.profiles()) == rounds
    assert shop.waiting() == 0
    assert shop.rows("quarantine") == []
