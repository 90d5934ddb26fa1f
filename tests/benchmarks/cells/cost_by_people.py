"""What an event costs while ten thousand, a hundred thousand, a million people are there."""

from collections.abc import Iterator
from functools import partial

from tests.benchmarks.bodies import Bodies
from tests.benchmarks.cell import Cell, Figure, or_why
from tests.benchmarks.drain_cost import cost_of
from tests.benchmarks.stack import Stack
from tests.benchmarks.targets import most

PEOPLE = (10_000, 100_000, 1_000_000)
BATCHES, WARM_BATCHES = 12_000, 500
# A prime, so that everybody has a turn, neighbours far from each other.
STRIDE = 7_919


def run(stack: Stack) -> Iterator[Figure]:
    buffers: list[float] = []
    for people in PEOPLE:
        yield from or_why(f"{people:,} people", "buffers/event", partial(measured, stack, people, buffers))
    if len(buffers) == len(PEOPLE):
        yield Figure("buffers, most people : fewest", buffers[-1] / buffers[0], "ratio", most(1.5))


def measured(stack: Stack, whole: int, buffers: list[float]) -> Iterator[Figure]:
    """One event a request of people all over the crowd."""
    place, people = stack.preload.crowd(whole)
    bodies = Bodies(1, people, STRIDE)
    cost_of(place.source, bodies, WARM_BATCHES)
    cost = cost_of(place.source, bodies, stack.size.batches(BATCHES))
    buffers.append(cost.buffers)
    name = f"{whole:,} people"
    yield Figure(f"{name}: buffer accesses", cost.buffers, "per event", note=f"{people:,} were there")
    yield Figure(f"{name}: processed", cost.per_second, "events/s")
    yield Figure(f"{name}: WAL", cost.wal_bytes, "B/event")
    yield Figure(f"{name}: statements", cost.statements, "per chunk", note=f"of {cost.chunk_events:,.0f} events")


CELL = Cell(
    "cost_by_people",
    "buffer accesses and WAL of a processed event, statements of a chunk, by the number of people",
    "per event",
    run,
    aim="a hundred times the people cost at most half as many buffer accesses again",
    order=70,
    rounds_most=1,
)
