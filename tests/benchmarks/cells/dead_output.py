"""Times of nine outputs from outbox to webhook, beside one that is dead and without it, by turns."""

import time
from collections.abc import Callable, Iterator, Sequence
from functools import partial

from connections.models import Connection
from tests.benchmarks.cell import Cell, Figure, or_why
from tests.benchmarks.outbox_fill import fill
from tests.benchmarks.shops import place, webhook
from tests.benchmarks.stack import Running, Stack
from tests.benchmarks.targets import most

OTHERS = 9
SECONDS, WARM_S, EVERY_S = 5.0, 1.0, 0.05
PER_SECOND, PEOPLE = 100, 200
WITHIN_S = 60.0
TURNS = 2


def run(stack: Stack) -> Iterator[Figure]:
    with stack.running("deliveries") as running:
        yield from or_why("p99 of the nine, with : without", "ratio", partial(measured, stack, running))


def measured(stack: Stack, _running: Running) -> Iterator[Figure]:
    """Percentiles of the nine, each the mean of the turns, and their ratio."""
    found: dict[bool, list[tuple[float, float]]] = {False: [], True: []}
    for _ in range(TURNS):
        for is_dead, percentiles in found.items():
            percentiles.append(once(stack, is_dead=is_dead))
    p99s = {}
    for is_dead, percentiles in found.items():
        name = "with a dead one" if is_dead else "without"
        p50, p99s[is_dead] = (sum(each) / TURNS for each in zip(*percentiles, strict=True))
        yield Figure(f"{name}: p50 of the nine", p50, "ms")
        yield Figure(f"{name}: p99 of the nine", p99s[is_dead], "ms")
    yield Figure("p99 of the nine, with : without", p99s[True] / p99s[False], "ratio", most(1.1))


def once(stack: Stack, *, is_dead: bool) -> tuple[float, float]:
    """p50 and p99 over the nine in milliseconds; every one of their events must have arrived."""
    source = place().source
    paths = [f"/ok/{source.pk}/{number}" for number in range(OTHERS)]
    connections = [webhook(source, stack.sink.url(path)) for path in paths]
    if is_dead:
        connections.append(webhook(source, stack.sink.url(f"/dead/{source.pk}")))
    send(connections, WARM_S)
    for path in paths:
        stack.sink.await_events(path, sent(WARM_S), WITHIN_S)
    stack.sink.forget()
    seconds = stack.size.seconds(SECONDS)
    send(connections, seconds)
    arrived = [stack.sink.await_events(path, sent(seconds), WITHIN_S) for path in paths]
    source.workspace.delete()
    return sum(each.p50_ms for each in arrived) / OTHERS, sum(each.p99_ms for each in arrived) / OTHERS


def sent(seconds: float) -> int:
    """Events for each output in so long."""
    return int(seconds / EVERY_S) * int(PER_SECOND * EVERY_S)


def send(connections: Sequence[Connection], seconds: float, told: Callable[[], None] = lambda: None) -> None:
    """Put a few into the outbox every moment; `told` is called each time."""
    began = time.perf_counter()
    for piece in range(int(seconds / EVERY_S)):
        time.sleep(max(0.0, began + piece * EVERY_S - time.perf_counter()))
        fill(connections, int(PER_SECOND * EVERY_S), 1, PEOPLE)
        told()


CELL = Cell(
    "dead_output",
    "time from outbox to webhook of nine outputs beside one that takes requests and never answers",
    "ms",
    run,
    aim="p99 of the nine within 10 % of that without",
    order=52,
)
