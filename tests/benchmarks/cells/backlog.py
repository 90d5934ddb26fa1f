"""A million waiting events, drained: the rate of each tenth, which must not fall as the tables grow."""

from collections.abc import Iterator
from functools import partial
from itertools import pairwise

from tests.benchmarks.bodies import Bodies
from tests.benchmarks.cell import Cell, Figure, or_why
from tests.benchmarks.cpu import Spent
from tests.benchmarks.draining import Drain, drain
from tests.benchmarks.shops import place
from tests.benchmarks.stack import Running, Stack
from tests.benchmarks.targets import least, most

EVENTS, PER_BATCH, PEOPLE = 1_000_000, 20, 20_000
TENTHS = 10
# A part that is only a few chunks long has no rate of its own.
PART_EVENTS_LEAST, PARTS_LEAST = 20_000, 4


def run(stack: Stack) -> Iterator[Figure]:
    with stack.running("pipeline") as running:
        yield from or_why("slowest later part : second", "ratio", partial(measured, stack, running))


def measured(stack: Stack, running: Running) -> Iterator[Figure]:
    """The first part meets everybody for the first time, so the second is what the later ones are held to."""
    events = max(stack.size.rows(EVENTS), PART_EVENTS_LEAST * PARTS_LEAST)
    parts = min(TENTHS, events // PART_EVENTS_LEAST)
    source, batches = place().source, events // PER_BATCH
    bodies = Bodies(PER_BATCH, min(PEOPLE, batches // parts))
    drain(running, source, bodies, parts)
    found = drain(running, source, bodies, batches)
    rates, cpu = rates_of(found, parts), cpu_of(found, parts)
    yield Figure("whole drain", found.per_second, "events/s", None, found.cpu, f"{found.events:,} events")
    for number, (rate, spent) in enumerate(zip(rates, cpu, strict=True), 1):
        yield Figure(f"part {number} of {parts}", rate, "events/s", cpu=spent)
    yield Figure("slowest later part : second", min(rates[2:]) / rates[1], "ratio", least(0.9))
    yield Figure("last part : second, by CPU", cpu[-1].total / cpu[1].total, "ratio", most(1.1))


def rates_of(found: Drain, parts: int) -> list[float]:
    """Events a second of each part, its ends between two looks by straight line."""
    ends = [when(found.marks, found.events * part / parts) for part in range(parts + 1)]
    return [found.events / parts / (end - begin) for begin, end in pairwise(ends)]


def cpu_of(found: Drain, parts: int) -> list[Spent]:
    """CPU seconds for 1,000 events of each part, found likewise."""
    each = found.events / parts
    ends = [spent_at(found.spent, each * part) for part in range(parts + 1)]
    return [end.since(begin, per=each / 1000) for begin, end in pairwise(ends)]


def spent_at(marks: list[tuple[Spent, int]], wanted: float) -> Spent:
    """CPU seconds by which so many were stored."""
    for (early, before), (late, after) in pairwise(marks):
        if after >= wanted > before:
            share = (wanted - before) / (after - before)
            gone = late.since(early).by_kind
            return Spent({kind: seconds + gone[kind] * share for kind, seconds in early.by_kind.items()})
    return marks[0][0]


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
    aim="no part after the second below nine tenths of its rate; the last costs at most a tenth more than the second",
    order=100,
    rounds_most=1,
)
