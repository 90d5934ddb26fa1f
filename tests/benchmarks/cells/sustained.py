"""The largest rate that the whole product sustains: everything has arrived a second after the last request was due."""

import math
from collections.abc import Iterator
from functools import partial

from tests.benchmarks.cell import Cell, Figure, NoFigure, or_why
from tests.benchmarks.stack import Stack
from tests.benchmarks.steady import EVERYTHING, Steady, Way
from tests.benchmarks.targets import ROWS

SECONDS = 5.0
# Of a rate that is sustained, the slowest hundredth has arrived by then.
BEHIND_MOST_MS = 1_000.0
RANGES = {1: (500.0, 16_000.0), 20: (2_000.0, 48_000.0)}
STEPS, QUICK_STEPS = 5, 3


def run(stack: Stack) -> Iterator[Figure]:
    with stack.running(*EVERYTHING, CDP_FAST_LANE="1") as running:
        for events in RANGES:
            name = f"sustained, {events} a request"
            way = Way(stack, running, events)
            yield from or_why(name, "events/s", partial(searched, stack, way, name, events))


def searched(stack: Stack, way: Way, name: str, events: int) -> Iterator[Figure]:
    """Halve the range, as a ratio, between what was sustained and what was not."""
    low, high = RANGES[events]
    best: Steady | None = None
    for _ in range(STEPS if stack.size.pace == 1 else QUICK_STEPS):
        rate = math.sqrt(low * high)
        found = way.pass_through(rate, stack.size.seconds(SECONDS))
        if found.arrived.p99_ms <= BEHIND_MOST_MS:
            low, best = rate, found
        else:
            high = rate
    if best is None:
        raise NoFigure(f"not even {high:,.0f} events/s were sustained")
    target = ROWS["end_to_end"].numbers[str(events)]
    note = f"p50 {best.arrived.p50_ms:.0f} ms, p99 {best.arrived.p99_ms:.0f} ms"
    yield Figure(name, low, "events/s", target, best.cpu, note)


CELL = Cell(
    "sustained",
    "the largest rate without a growing backlog, whole product, one webhook an event",
    "events/s",
    run,
    rows=("end_to_end",),
    order=40,
    rounds_most=2,
)
