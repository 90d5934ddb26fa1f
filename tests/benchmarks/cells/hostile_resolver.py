"""An output whose name nobody answers for: what it costs another's time from outbox to webhook, by turns.

The delivery loop runs in a thread here, because only so can the resolver be replaced.
"""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial

from cdp_project.kernel.addresses import allowances
from cdp_project.kernel.http import Sender
from connections.deliver import Deliveries
from connections.sending import Sending
from tests.benchmarks.cell import Cell, Figure, or_why
from tests.benchmarks.cells.dead_output import WARM_S, send, sent
from tests.benchmarks.outbox_fill import fill
from tests.benchmarks.shops import place, webhook
from tests.benchmarks.stack import Stack
from tests.benchmarks.targets import most

SECONDS, WITHIN_S = 4.0, 60.0
# Events that wait for the name, and how long its resolver says nothing.
HANGING, SILENT_S = 500, 120.0
IDLE_S = 0.5


def run(stack: Stack) -> Iterator[Figure]:
    yield from or_why("p99 with it : without", "ratio", partial(measured, stack))


def measured(stack: Stack) -> Iterator[Figure]:
    """The other's percentiles without and with it, and their ratio."""
    p99s = {}
    for hangs in (False, True):
        p50, p99s[hangs] = once(stack, hangs=hangs)
        name = "with a hanging resolver" if hangs else "without"
        yield Figure(f"{name}: p50", p50, "ms")
        yield Figure(f"{name}: p99", p99s[hangs], "ms")
    yield Figure("p99 with it : without", p99s[True] / p99s[False], "ratio", most(1.5))


def once(stack: Stack, *, hangs: bool) -> tuple[float, float]:
    """p50 and p99 in milliseconds of the output that works; all of its events must have arrived."""
    source = place().source
    path, seconds = f"/ok/{source.pk}", stack.size.seconds(SECONDS)
    works = [webhook(source, stack.sink.url(path))]
    if hangs:
        fill([webhook(source, "http://slow.example.com/")], HANGING, 1, HANGING)
    over = threading.Event()
    with deliveries(over) as loop:
        send(works, WARM_S, loop.hint)
        stack.sink.await_events(path, sent(WARM_S), WITHIN_S)
        stack.sink.forget()
        send(works, seconds, loop.hint)
        arrived = stack.sink.await_events(path, sent(seconds), WITHIN_S)
        over.set()
    source.workspace.delete()
    return arrived.p50_ms, arrived.p99_ms


@contextmanager
def deliveries(over: threading.Event) -> Iterator[Deliveries]:
    """A loop that turns in a thread until told, or until the block ends."""
    loop = Deliveries(sender=Sender[Sending](allowances(["127.0.0.1/32"]), look_up=silent))
    thread = threading.Thread(target=turn, args=(loop, over))
    thread.start()
    try:
        yield loop
    finally:
        over.set()
        thread.join(30)
        loop.close()


def turn(loop: Deliveries, over: threading.Event) -> None:
    while not over.is_set():
        if not loop.turn():
            loop.wait(IDLE_S)


def silent(host: str) -> list[str]:
    """No answer for a long time."""
    threading.Event().wait(SILENT_S)
    raise OSError(host)


CELL = Cell(
    "hostile_resolver",
    "time from outbox to webhook beside an output whose name is never resolved",
    "ms",
    run,
    aim="p99 at most half as much again",
    order=54,
)
