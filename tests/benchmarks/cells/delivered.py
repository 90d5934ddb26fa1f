"""A filled outbox, drained by one delivering process to a fast receiver: all well, and with one failing person."""

import time
from collections.abc import Iterator
from functools import partial

from tests.benchmarks.cell import Cell, Figure, or_why
from tests.benchmarks.cpu import Spent
from tests.benchmarks.outbox_fill import fill
from tests.benchmarks.shops import place, webhook
from tests.benchmarks.stack import Running, Stack
from tests.benchmarks.targets import least

BATCHES, EVENTS, PEOPLE = 20_000, 1, 500
WITHIN_S = 120.0
WAYS = {"all well": "ok", "one person fails": "moody"}


def run(stack: Stack) -> Iterator[Figure]:
    with stack.running("deliveries") as running:
        once(stack, running, "ok", PEOPLE)
        yield from or_why("all well", "events/s", partial(measured, stack, running))


def measured(stack: Stack, running: Running) -> Iterator[Figure]:
    """Both ways, one after the other."""
    batches = stack.size.batches(BATCHES) // PEOPLE * PEOPLE or PEOPLE
    rates = {}
    for name, way in WAYS.items():
        rates[way], cpu = once(stack, running, way, batches)
        yield Figure(name, rates[way], "events/s", cpu=cpu)
    yield Figure("the others, with one that fails : without", rates["moody"] / rates["ok"], "ratio", least(0.9))


def once(stack: Stack, running: Running, way: str, batches: int) -> tuple[float, Spent]:
    """Events a second of those who do not fail, and CPU seconds for 1,000 of them."""
    source = place().source
    path = f"/{way}/{source.pk}"
    connection = webhook(source, stack.sink.url(path))
    wanted = batches - (batches // PEOPLE if way == "moody" else 0)
    fill([connection], batches, EVENTS, PEOPLE)
    began, spent = time.perf_counter(), running.spent()
    stack.sink.await_events(path, wanted, WITHIN_S)
    seconds, cpu = time.perf_counter() - began, running.spent().since(spent, per=wanted / 1000)
    source.workspace.delete()
    return wanted / seconds, cpu


CELL = Cell(
    "delivered",
    "waiting events sent by one delivering process, one webhook each, one output",
    "events/s",
    run,
    aim="one person whose events fail costs the others less than a tenth",
    order=50,
)
