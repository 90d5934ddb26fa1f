"""From request to webhook at fixed rates: open loop, so that waiting at the door counts too."""

from collections.abc import Iterator
from functools import partial

from tests.benchmarks.cell import Cell, Figure, or_why
from tests.benchmarks.stack import Stack
from tests.benchmarks.steady import EVERYTHING, Way
from tests.benchmarks.targets import ROWS

SECONDS = 8.0
RATES, EVENTS = (1_000, 5_000), (1, 20)


def run(stack: Stack) -> Iterator[Figure]:
    with stack.running(*EVERYTHING, CDP_FAST_LANE="1") as running:
        for events in EVENTS:
            way = Way(stack, running, events)
            for rate in RATES:
                name = f"{rate:,} events/s, {events} a request"
                yield from or_why(name, "ms", partial(measured, stack, way, name, rate, events))


def measured(stack: Stack, way: Way, name: str, rate: int, events: int) -> Iterator[Figure]:
    """Percentiles at the webhook and of the answers."""
    found = way.pass_through(rate, stack.size.seconds(SECONDS))
    promised = ROWS["latency"].numbers if (rate, events) == (5_000, 1) else {}
    yield Figure(f"{name}: webhook p50", found.arrived.p50_ms, "ms", promised.get("p50"), found.cpu)
    yield Figure(f"{name}: webhook p99", found.arrived.p99_ms, "ms", promised.get("p99"))
    yield Figure(f"{name}: answer p50", found.accepted.percentile_ms(0.5), "ms")
    yield Figure(f"{name}: answer p99", found.accepted.percentile_ms(0.99), "ms")


CELL = Cell(
    "end_to_end",
    "time from when a request was due to its webhook, whole product, one webhook an event",
    "ms",
    run,
    rows=("latency",),
    order=30,
)
