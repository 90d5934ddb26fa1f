"""Web, pipeline, deliveries and PostgreSQL die at named places and at random, and the books are right at every look."""

import random
import threading
import time
from collections.abc import Callable
from itertools import count, takewhile

import psycopg
import pytest
from pytest_django import DjangoDbBlocker
from pytest_django.fixtures import Settings

from tests.faults.equation import Equation
from tests.faults.house import House, at_rest, house
from tests.product import eventually

pytestmark = pytest.mark.timeout(240)

# Met once a request, or once a chunk or record.
RARELY, OFTEN = 0.02, 0.5
FAILPOINTS = {
    "intake.before_insert": RARELY,
    "intake.after_commit": RARELY,
    "intake.before_answer": RARELY / 2,
    "pipeline.prepared": OFTEN,
    "pipeline.taken": OFTEN,
    "pipeline.steps_done": OFTEN,
    "pipeline.before_commit": OFTEN,
    "pipeline.after_commit": OFTEN,
    "delivery.before_send": RARELY,
    "delivery.after_send": RARELY,
    "delivery.before_record": OFTEN,
    "delivery.after_record": OFTEN,
}
PAUSE_S = 0.7
SECONDS = [8, pytest.param(600, marks=[pytest.mark.soak, pytest.mark.timeout(900)])]


@pytest.fixture(autouse=True)
def _sink_may_be_reached(settings: Settings, django_db_setup: None) -> None:
    settings.CDP_DELIVERY_ALLOW = ["127.0.0.1/32"]


def assert_nothing_lost_or_doubled(built: House, equation: Equation) -> None:
    """Everything that the client knows of is stored once, and was delivered under an id that is always the same."""
    books = at_rest(equation)
    load, arrivals = built.load, built.arrivals
    assert load.gave_up == []
    assert sorted(stored_requests(built)) == sorted(load.acknowledged)
    assert books.sum_of("stored") == books.sum_of("delivered") == len(arrivals.taken) == len(load.acknowledged) > 0
    assert books.sum_of("quarantined", "failed", "withheld") == 0
    assert arrivals.changed == []
    assert sorted(number for numbers in arrivals.numbers.values() for number in numbers) == sorted(
        int(request.rpartition("-")[2]) for request in load.acknowledged
    )


def stored_requests(built: House) -> list[str]:
    with psycopg.connect(built.server.url) as connection:
        rows = connection.execute("SELECT data->'custom_attributes'->>'request' FROM event").fetchall()
    return [str(request) for (request,) in rows]


def test_deaths_at_named_places_lose_and_double_nothing(django_db_blocker: DjangoDbBlocker) -> None:
    failpoints = [f"{name}=kill:{probability}" for name, probability in FAILPOINTS.items()]
    with house(django_db_blocker, "named", 60, failpoints) as (built, equation):
        eventually(lambda: built.struck(list(FAILPOINTS)), lambda names: len(names) == len(FAILPOINTS), 60)
        built.load.stop()
        assert_nothing_lost_or_doubled(built, equation)

    assert all(workers.deaths for workers in built.workers.values())
    assert equation.looks > 2


@pytest.mark.parametrize("seconds", SECONDS)
def test_deaths_at_random_lose_and_double_nothing(django_db_blocker: DjangoDbBlocker, seconds: int) -> None:
    chance = random.Random(seconds)
    with house(django_db_blocker, "random", seconds + 60) as (built, equation):
        eventually(lambda: built.load.acknowledged, bool)
        kills: list[Callable[[], None]] = [
            *(lambda each=each: each.kill_one(chance) for each in built.workers.values()),
            lambda: built.kill_database(chance),
        ]
        ends_at = time.monotonic() + seconds
        for number in takewhile(lambda _: time.monotonic() < ends_at, count()):
            # On a slow machine nothing would ever be accepted between two kills.
            so_far = len(built.load.acknowledged)
            eventually(lambda least=so_far: len(built.load.acknowledged) > least, bool)  # type: ignore[misc]
            kills[number % len(kills)]()
            threading.Event().wait(PAUSE_S * 2 * chance.random())  # Load runs meanwhile; nothing is waited for.
        built.load.stop()
        assert_nothing_lost_or_doubled(built, equation)

    assert all(workers.deaths for workers in built.workers.values())
    assert equation.looks > 2
