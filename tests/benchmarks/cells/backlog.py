"""A million waiting events, drained: the rate of each tenth, which must not fall as the tables grow."""

from collections.abc import Iterator
from functools import partial
from itertools import pairwise

from tests.benchmarks.bodies import Bodies
from tests.benchmarks.cell import Cell, Figure, or_why
from tests.benchmarks.draining import Drain, drain
from tests.benchmarks.shops import place
from tests.benchmarks.stack import Running, Stack
from tests.benchmarks.targets import least

EVENTS, PER_BATCH, PEOPLE = 1_000_000, 20, 20_000
TENTHS = 10


def run(stack: Stack) -> Iterator[Figure]:
    with stack.running("pipeline") as running:
        yield from or_why("slowest later tenth : second", "ratio", partial(measured, stack, running))


def measured(stack: Stack, running: Running) -> Iterator[Figure]:
    """The first tenth meets everybody for the first time, so the second is what the later ones are held to."""
    source, batches = place().source, stack.size.rows(EVENTS) // PER_BATCH // TENTHS * TENTHS
    drain(running, source, Bodies(PER_BATCH, PEOPLE), TENTHS)
    found = drain(running, source, Bodies(PER_BATCH, min(PEOPLE, batches // TENTHS)), batches)
    rates = tenths(found)
    yield Figure("whole drain", found.per_second, "events/s", None, found.cpu_s_per_1000, f"{found.events:,} events")
    for place_, rate in enumerate(rates, 1):
        yield Figure(f"tenth {place_:2}", rate, "events/s")
    yield Figure("slowest later tenth : second", min(rates[2:]) / rates[1], "ratio", least(0.9))


def tenths(found: Drain) -> list[float]:
    """Events a second of each tenth, its ends between two looks by straight line."""
    ends = [when(found.marks, found.events * tenth / TENTHS) for tenth in range(TENTHS + 1)]
    return [found.events / TENTHS / (end - begin) for begin, end in pairwise(ends)]


def when(marks: list[tuple[float, int]], wanted: float) -> float:
    """Seconds after which so many were stored."""
    for (early, before), (late, after) in pairwise([(0.0, 0), *marks]):
        if after >= wanted > before:
            return early + (late - early) * (wanted - before) / (after - before)
    return 0.0


CELL = Cell(
    "backlog",
    "rate of each tenth while 1 M waiting events are drained by one pipeline process, 20 events a batch",
    "events/s",
    run,
    aim="no tenth after the second below nine tenths of it",
    order=100,
    rounds_most=1,
)
