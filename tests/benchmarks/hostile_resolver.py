"""What an output whose name nobody answers for costs the others: time from outbox to receiver, with it and without.

    python -m tests.benchmarks.hostile_resolver [--seconds 5] [--rate 400] [--rounds 5]

Uses the database of the settings and leaves it as it was. Every event of the other output must arrive. The first second
of each run is left out: a loop that has just begun connects, plans its statements and takes its lanes. Both ways take
turns, and the median of the rounds is told, because one stall of a shared machine is more than a hundredth of a run.
"""

import argparse
import asyncio
import multiprocessing
import os
import re
import statistics
import threading
import time
from multiprocessing.connection import Connection as Pipe
from typing import Any

import django
import uvloop

from tests.benchmarks import delivery
from tests.benchmarks.receiver import Receiver

EVERY_S = 0.05
# Events that wait for the name that nobody answers for.
HANGING = 500
WARM_UP_S = 1.0
SENT_AT = re.compile(rb'"timestamp_unixtime_ms":\s*"?(\d+)')


class Timing(Receiver):
    """Notes of each event when it was put into the outbox (Unix milliseconds), and how many it took from then."""

    took: list[tuple[float, float]] = []

    def note(self, body: bytes) -> None:
        found = SENT_AT.search(body)
        if found:
            Timing.took.append((int(found[1]), time.time() * 1000 - int(found[1])))


def receive(pipe: Pipe) -> None:
    """Listen on a free port, tell which, measure until asked."""

    async def serve() -> None:
        loop = asyncio.get_running_loop()
        server = await loop.create_server(Timing, "127.0.0.1", 0)
        pipe.send(server.sockets[0].getsockname()[1])
        await loop.run_in_executor(None, pipe.recv)
        pipe.send(Timing.took)

    uvloop.run(serve())


def look_up(host: str) -> list[str]:
    """No answer for a long time."""
    threading.Event().wait(120)
    raise OSError(host)


def connected(workspace: Any, url: str) -> Any:
    """A webhook output in the workspace, connected to a feed of its own."""
    from connections.models import Output
    from connections.outputs import save_settings
    from tests import factories

    output = Output(workspace=workspace, integration="webhook", name="Bench")
    save_settings(output, {"url": url, "send": "event"})
    return factories.connection(factories.feed(workspace, url[:50]), output)


def latencies_ms(seconds: float, rate: int, *, hangs: bool) -> list[float]:
    """Of every event of the output that works, while those of another wait for a name where one `hangs`."""
    from cdp_project.kernel.addresses import allowances
    from cdp_project.kernel.http import Sender
    from cdp_project.workspaces.models import Workspace
    from connections.deliver import Deliveries
    from connections.sending import Sending
    from tests import factories

    ours, theirs = multiprocessing.Pipe()
    receiver = multiprocessing.get_context("fork").Process(target=receive, args=(theirs,), daemon=True)
    receiver.start()
    workspace = factories.workspace(slug=f"bench-{os.getpid()}-{time.monotonic_ns()}")
    works = connected(workspace, f"http://127.0.0.1:{ours.recv()}/")
    if hangs:
        delivery.fill(connected(workspace, "http://slow.example.com/"), HANGING, 1)
    deliveries = Deliveries(sender=Sender[Sending](allowances(["127.0.0.1/32"]), look_up=look_up))
    over = threading.Event()
    loop = threading.Thread(target=turn, args=(deliveries, over))
    loop.start()
    warm_at_ms = (time.time() + WARM_UP_S) * 1000
    sent = feed(deliveries, works, WARM_UP_S + seconds, rate)
    over.wait(1)
    over.set()
    loop.join(30)
    ours.send("enough")
    found: list[tuple[float, float]] = ours.recv()
    receiver.join(5)
    deliveries.close()
    Workspace.objects.filter(pk=workspace.pk).delete()
    if len(found) != sent:
        raise SystemExit(f"{len(found)} events arrived instead of {sent}: no figure.")
    return sorted(took for put_at, took in found if put_at >= warm_at_ms)


def turn(deliveries: Any, over: threading.Event) -> None:
    """The delivery process's loop."""
    while not over.is_set():
        if not deliveries.turn():
            deliveries.wait(0.5)


def feed(deliveries: Any, connection: Any, seconds: float, rate: int) -> int:
    """Put events of the connection into the outbox at this rate; how many."""
    piece, sent = max(1, int(rate * EVERY_S)), 0
    ends_at = time.monotonic() + seconds
    while time.monotonic() < ends_at:
        delivery.fill(connection, piece, 1)
        deliveries.hint()
        sent += piece
        time.sleep(EVERY_S)
    return sent


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=float, default=5.0)
    parser.add_argument("--rate", type=int, default=400)
    parser.add_argument("--rounds", type=int, default=5)
    options = parser.parse_args()
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "cdp_project.settings")
    django.setup()
    from django.conf import settings

    settings.CDP_DELIVERY_ALLOW = ["127.0.0.1/32"]
    seen: dict[bool, list[tuple[float, float]]] = {False: [], True: []}
    for _ in range(options.rounds):
        for hangs, percentiles in seen.items():
            found = latencies_ms(options.seconds, options.rate, hangs=hangs)
            percentiles.append((found[len(found) // 2], found[int(len(found) * 0.99)]))
    for hangs, percentiles in seen.items():
        p50, p99 = (statistics.median(values) for values in zip(*percentiles, strict=True))
        each = ", ".join(f"{high:.0f}" for _, high in percentiles)
        with_it = "with a hanging resolver" if hangs else "without"
        print(f"{with_it:24} p50 {p50:.1f} ms, p99 {p99:.1f} ms (by round: {each})", flush=True)


if __name__ == "__main__":
    main()
