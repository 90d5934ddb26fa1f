"""Accepted, durably: requests a second and latencies of intake, by both ways in, without a pipeline running."""

from collections.abc import Iterator
from functools import partial

from tests.benchmarks import counting
from tests.benchmarks.bodies import Bodies, stamped
from tests.benchmarks.cell import Cell, Figure, NoFigure, or_why
from tests.benchmarks.closed import closed
from tests.benchmarks.shops import Place, place
from tests.benchmarks.stack import Running, Stack
from tests.benchmarks.targets import ROWS, Target

SECONDS, WARM_S = 3.0, 0.5
EVENTS, CONNECTIONS = (1, 100), (1, 16, 64)
PEOPLE, REQUESTS = 20_000, 2_000
WAYS = {"fast lane": "1", "DRF": "0"}
Promised = dict[str, Target]


def run(stack: Stack) -> Iterator[Figure]:
    for way, switch in WAYS.items():
        with stack.running("web-1", "web-2", CDP_FAST_LANE=switch) as running:
            for events in EVENTS:
                for connections in CONNECTIONS:
                    name = f"{way}, {events} a request, {connections} conn."
                    measure = partial(measured, stack, running, name, events, connections)
                    yield from or_why(name, "requests/s", measure)


def measured(stack: Stack, running: Running, name: str, events: int, connections: int) -> Iterator[Figure]:
    """One load; what was answered with 202 must be in the inbox."""
    target, promised = place(), promises(name)
    requests = stamped(Bodies(events, PEOPLE).requests(target.key.key, target.key.secret, REQUESTS // events + 20))
    warm = len(closed(running.port, requests, connections, WARM_S).check().latencies)
    spent = running.spent()
    loaded = closed(running.port, requests, connections, stack.size.seconds(SECONDS)).check()
    cpu = running.spent().since(spent, per=len(loaded.latencies) * events / 1000)
    check_stored(target, warm + len(loaded.latencies), events)
    yield Figure(name, loaded.per_second, "requests/s", promised.get("requests"), cpu)
    if events > 1:
        yield Figure(f"{name}: events", loaded.per_second * events, "events/s", promised.get("events"))
    yield Figure(f"{name}: p50", loaded.percentile_ms(0.5), "ms", promised.get("p50"))
    yield Figure(f"{name}: p99", loaded.percentile_ms(0.99), "ms", promised.get("p99"))


def promises(name: str) -> Promised:
    """What the design says of this load; two web processes run."""
    fast, batches = ROWS["accepted"].numbers, ROWS["accepted_100"].numbers
    django = Target(ROWS["django_path"].numbers["rate"].value * 2)
    of_load: dict[str, Promised] = {
        "fast lane, 1 a request, 64 conn.": {"requests": fast["rate"], "p50": fast["p50"], "p99": fast["p99"]},
        "fast lane, 100 a request, 64 conn.": {"events": batches["rate"]},
        "DRF, 1 a request, 64 conn.": {"requests": django},
    }
    return of_load.get(name, {})


def check_stored(target: Place, requests: int, events: int) -> None:
    """Raises NoFigure unless exactly these wait; throws them away."""
    found = counting.waiting(target.source)
    counting.empty_inbox()
    if found != (requests, requests * events):
        raise NoFigure(f"{requests:,} requests were accepted, {found[0]:,} batches are stored")


CELL = Cell(
    "accepted",
    "requests that are stored and answered with 202, closed loop, two web processes",
    "requests/s",
    run,
    rows=("accepted", "accepted_100", "django_path"),
    order=10,
)
