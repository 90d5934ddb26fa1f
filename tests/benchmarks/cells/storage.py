"""Bytes on disk that a stored event leaves: tables, indexes, and what went through the WAL."""

from collections.abc import Iterator
from functools import partial

from tests.benchmarks.bodies import Bodies
from tests.benchmarks.cell import Cell, Figure, or_why
from tests.benchmarks.drain_cost import cost_of
from tests.benchmarks.shops import place
from tests.benchmarks.stack import Stack

PEOPLE = 2_000
NAMED = 5
BATCHES = {1: 10_000, 20: 2_000}


def run(stack: Stack) -> Iterator[Figure]:
    for events in BATCHES:
        yield from or_why(f"{events} a request", "B/event", partial(measured, stack, events))


def measured(stack: Stack, events: int) -> Iterator[Figure]:
    """Of people who are there already."""
    source, batches = place().source, stack.size.batches(BATCHES[events])
    people = min(PEOPLE, batches)
    cost_of(source, Bodies(1, people), people)
    cost = cost_of(source, Bodies(events, people), batches)
    yield Figure(f"{events} a request: tables", sum(cost.tables.values()), "B/event", note=largest(cost.tables))
    yield Figure(f"{events} a request: indexes", sum(cost.indexes.values()), "B/event", note=largest(cost.indexes))
    yield Figure(f"{events} a request: WAL", cost.wal_bytes, "B/event")


def largest(sizes: dict[str, float]) -> str:
    """The tables that take most."""
    return ", ".join(f"{name} {size:.0f}" for name, size in list(sizes.items())[:NAMED])


CELL = Cell(
    "storage",
    "what a stored event leaves in tables and indexes (queues left out), and writes to the WAL",
    "B/event",
    run,
    aim="none yet: told for comparison",
    order=65,
    rounds_most=1,
)
