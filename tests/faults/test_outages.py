"""An outage is not poison: PostgreSQL stops in the middle of chunks, fifty times, and nothing is put aside for it."""

from collections.abc import Iterator
from functools import partial
from itertools import accumulate

import pytest
from django.db import connection
from pytest_django import DjangoDbBlocker

from events.pipeline import Chunk, Step, apply, load_steps, prepare
from events.processing.isolation import INFRASTRUCTURE
from events.processing.runner import Runner
from tests import factories
from tests.faults.own_postgres import OwnPostgres, leading_django_to
from tests.product import eventually
from tests.services import var_folder
from tests.shop import Row, Shop, batch, custom_event

pytestmark = pytest.mark.timeout(180)

OUTAGES = 50
# Each wave is a chunk of its own, and each chunk may be stopped once at every place before it stands. Of single
# batches nothing but the kind of error tells an outage from poison.
WAVES = (1, 60, 1, 60, 1, 60)
BATCHES, PEOPLE = sum(WAVES), 40


@pytest.fixture
def server(django_db_setup: None, django_db_blocker: DjangoDbBlocker) -> Iterator[OwnPostgres]:
    with var_folder() as var:
        server = OwnPostgres(var)
        try:
            server.start()
            with leading_django_to(server, django_db_blocker):
                yield server
        finally:
            server.close()


class Outages:
    """Stops the server at one place after the other, and then lets everything be."""

    def __init__(self, server: OwnPostgres) -> None:
        self._server = server
        self._places = ["prepared", *(step.name for step in load_steps()), "committed"]
        self.struck: list[str] = []

    def steps(self) -> list[Step]:
        """The pipeline's own, with a place to strike after each."""
        steps = [prepare(lambda _chunk: self._strike("prepared"))]
        for step in load_steps():
            steps += [step, Step(lambda _chunk, name=step.name: self._strike(name), step.phase)]  # type: ignore[misc]
        return [*steps, apply(self._after_commit)]

    def _after_commit(self, chunk: Chunk) -> None:
        chunk.after_commit.append(lambda: self._strike("committed"))

    def _strike(self, place: str) -> None:
        if not self._server.is_running or len(self.struck) == OUTAGES:
            return
        if place == self._places[len(self.struck) % len(self._places)]:
            self.struck.append(place)
            self._server.stop_at_once()
            if len(self.struck) % 2:
                # A short one: the database is there again before the chunk has failed.
                self._server.start()


def process_all(server: OwnPostgres, runner: Runner) -> None:
    """Process until nothing waits, as the worker does, and bring the server back after each outage."""
    while True:
        try:
            runner.drain()
        except INFRASTRUCTURE:
            if not server.is_running:
                server.start()
        else:
            return


def uploads(start: int, count: int) -> list[Row]:
    """One bulk of batches."""
    return [
        batch(custom_event(source_message_id=f"m-{n}"), customer=f"u-{n % PEOPLE}", user_attributes={f"a{n}": 1})
        for n in range(start, start + count)
    ]


def test_a_database_that_stops_in_the_middle_of_chunks_makes_no_poison(server: OwnPostgres) -> None:
    shop = Shop(factories.feed(factories.workspace()))
    outages = Outages(server)
    shop.runner.close()
    shop.runner = Runner(outages.steps())
    for start, wave in zip(accumulate(WAVES, initial=0), WAVES, strict=False):
        upload = partial(shop.post, uploads(start, wave), "v2/bulkevents")
        eventually(upload, lambda status: status == 202)
        process_all(server, shop.runner)
    connection.close()

    assert len(outages.struck) == OUTAGES
    assert set(outages.struck) == set(outages._places)
    assert shop.rows("quarantine") == []
    assert sorted(event["data"]["source_message_id"] for event in shop.events()) == sorted(
        f"m-{number}" for number in range(BATCHES)
    )
    assert shop.outcomes() == {"stored": BATCHES}
    assert len(shop.profiles()) == PEOPLE
    assert sum(len(profile["attributes"]) for profile in shop.profiles()) == BATCHES
    assert shop.waiting() == 0
    shop.close()
