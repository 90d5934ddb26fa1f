"""Fully processed: a filled inbox, drained by one and by two pipeline processes; people are known already."""

import os
import re
import subprocess
import sys
from collections.abc import Iterator
from functools import partial

from django.conf import settings

from cdp_project.kernel.database import connect
from events.models import Input
from tests.benchmarks.bodies import Bodies
from tests.benchmarks.cell import Cell, Figure, NoFigure, or_why
from tests.benchmarks.draining import drain
from tests.benchmarks.shops import place
from tests.benchmarks.stack import SETTLE_S, Running, Stack, settle
from tests.benchmarks.targets import ROWS, least

PEOPLE = 10_000
BATCHES = {1: 20_000, 20: 5_000}
# Rows of a chunk and options of the prototype's fullest form.
PROTOTYPE_CHUNK, PROTOTYPE_OPTIONS = "2000", ("dedup", "userday", "z", "log", "hash")
PROTOTYPE_RATE = re.compile(r"(\d+) ev/s")
PROTOTYPE_DATABASE = "prototype"


def run(stack: Stack) -> Iterator[Figure]:
    for processes in (1, 2):
        with stack.running(*["pipeline"] * processes) as running:
            settle(SETTLE_S if processes > 1 else 0)
            source, people = place().source, stack.size.batches(PEOPLE)
            drain(running, source, Bodies(1, people), people)
            for events in BATCHES:
                name = f"{processes} process{'es' * (processes > 1)}, {events} a request"
                measure = partial(measured, stack, running, name, source, processes, Bodies(events, people))
                yield from or_why(name, "events/s", measure)


def measured(
    stack: Stack, running: Running, name: str, source: Input, processes: int, bodies: Bodies
) -> Iterator[Figure]:
    """One drain by warm processes that have met everybody before."""
    events = bodies.events
    found = drain(running, source, bodies, stack.size.batches(BATCHES[events]))
    row = ROWS["processed" if events == 1 else "processed_20"]
    yield Figure(name, found.per_second, "events/s", row.numbers[str(processes)], found.cpu)
    if stack.prototype is not None:
        rate = prototype_rate(stack, processes, events, found.events)
        yield Figure(f"{name}: to the prototype", found.per_second / rate, "ratio", least(1), note=f"it: {rate:,.0f}/s")


def prototype_rate(stack: Stack, processes: int, events: int, total: int) -> float:
    """Events a second of the prototype over as many events, in a database of its own on the same server."""
    make_database()
    address = settings.DATABASE_URL.rsplit("/", 1)[0]
    environment = {**os.environ, "DSN": f"{address}/{PROTOTYPE_DATABASE}", "EV": str(total), "REP": "1"}
    command = [sys.executable, str(stack.prototype), str(processes), PROTOTYPE_CHUNK, str(events), *PROTOTYPE_OPTIONS]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=300, check=False)
    rates = PROTOTYPE_RATE.findall(done.stdout)
    if done.returncode or not rates:
        raise NoFigure(f"the prototype failed: {done.stderr.strip()[-200:]}")
    return float(rates[-1])


def make_database() -> None:
    with connect(autocommit=True, name="bench") as connection:
        connection.execute(f"DROP DATABASE IF EXISTS {PROTOTYPE_DATABASE} WITH (FORCE)".encode())
        connection.execute(f"CREATE DATABASE {PROTOTYPE_DATABASE}".encode())


CELL = Cell(
    "processed",
    "waiting events that are stored with all that they become, by the pipeline alone",
    "events/s",
    run,
    rows=("processed", "processed_20"),
    order=20,
)
