"""Reading profiles over HTTP at a steady rate while a million of them are there."""

import random
from collections.abc import Iterator
from functools import partial

from tests.benchmarks.cell import Cell, Figure, or_why
from tests.benchmarks.opened import opened
from tests.benchmarks.people import mpid_of
from tests.benchmarks.shops import token
from tests.benchmarks.stack import Running, Stack
from tests.benchmarks.targets import ROWS

PER_SECOND, SECONDS, WARM_S = 200.0, 6.0, 1.5


def run(stack: Stack) -> Iterator[Figure]:
    place, people = stack.preload.crowd()
    bearer = token(place.workspace)
    # Without the limit of requests a minute, which would end the load.
    with stack.running("web-1", "web-2", CDP_API_REQUESTS_PER_MINUTE="0") as running:
        yield from or_why("p99", "ms", partial(measured, stack, running, place.workspace.pk, bearer, people))


def measured(stack: Stack, running: Running, workspace_id: int, bearer: str, people: int) -> Iterator[Figure]:
    """Different people each time; every answer must be 200."""
    chance = random.Random()
    head = f"HTTP/1.1\r\nHost: 127.0.0.1\r\nAuthorization: Bearer {bearer}\r\n\r\n"

    def request(_number: int, _due_us: int) -> bytes:
        path = f"/api/v1/workspaces/{workspace_id}/profiles/{mpid_of(chance.randrange(people))}"
        return f"GET {path} {head}".encode()

    opened(running.port, request, PER_SECOND, WARM_S, wanted=200).check()
    spent = running.spent()
    found = opened(running.port, request, PER_SECOND, stack.size.seconds(SECONDS), wanted=200).check()
    cpu = running.spent().since(spent, per=len(found.latencies) / 1000)
    yield Figure("p50", found.percentile_ms(0.5), "ms", cpu=cpu, note=f"{people:,} profiles")
    yield Figure("p99", found.percentile_ms(0.99), "ms", ROWS["profile_read"].numbers["p99"])


CELL = Cell(
    "profile_read",
    "latency of a profile by MPID over HTTP at 200/s, open loop, two web processes",
    "ms",
    run,
    rows=("profile_read",),
    order=80,
)
