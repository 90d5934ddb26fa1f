"""What one person whose events always fail costs all others of an output: deliveries with and without, by turns.

    python -m tests.benchmarks.one_failing_person [--items 10000] [--rounds 3]

Uses the database of the settings and leaves it as it was. All events of the others must arrive.
"""

import argparse
import asyncio
import gc
import multiprocessing
import os
import statistics
import time
from multiprocessing.connection import Connection as Pipe

import django
import uvloop

from tests.benchmarks import delivery
from tests.benchmarks.receiver import ANSWER, Receiver

PEOPLE = 500
FAILING = b'"u-0"'
REFUSAL = b"HTTP/1.1 500 Internal Server Error\r\nContent-Length: 0\r\n\r\n"


class Refusing(Receiver):
    """Refuses one person's events, where it is told to; counts those of the others."""

    refuses = False
    others = 0

    def note(self, body: bytes) -> None:
        Refusing.others += FAILING not in body

    def answer(self, body: bytes) -> bytes:
        return REFUSAL if self.refuses and FAILING in body else ANSWER


def receive(pipe: Pipe, *, refuses: bool) -> None:
    """Listen on a free port, tell which, count until asked."""
    Refusing.refuses = refuses

    async def serve() -> None:
        loop = asyncio.get_running_loop()
        server = await loop.create_server(Refusing, "127.0.0.1", 0)
        pipe.send(server.sockets[0].getsockname()[1])
        await loop.run_in_executor(None, pipe.recv)
        pipe.send(Refusing.others)

    uvloop.run(serve())


def events_per_second(items: int, *, refuses: bool) -> float:
    """Of all others, in one drain of a full outbox."""
    from cdp_project.workspaces.models import Workspace
    from connections.deliver import Deliveries
    from connections.models import Output
    from connections.outputs import save_settings
    from tests import factories

    ours, theirs = multiprocessing.Pipe()
    context = multiprocessing.get_context("fork")
    receiver = context.Process(target=receive, args=(theirs,), kwargs={"refuses": refuses}, daemon=True)
    receiver.start()
    workspace = factories.workspace(slug=f"bench-{os.getpid()}-{time.monotonic_ns()}")
    output = Output(workspace=workspace, integration="webhook", name="Bench")
    save_settings(output, {"url": f"http://127.0.0.1:{ours.recv()}/", "send": "event"})
    delivery.fill(factories.connection(factories.feed(workspace), output), items, 1)
    deliveries, began = Deliveries(), time.perf_counter()
    deliveries.drain()
    seconds = time.perf_counter() - began
    deliveries.close()
    ours.send("enough")
    others = ours.recv()
    receiver.join(5)
    Workspace.objects.filter(pk=workspace.pk).delete()
    if others != items - items // PEOPLE:
        raise SystemExit(f"Of the others {others} arrived instead of {items - items // PEOPLE}: no figure.")
    return float(others / seconds)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--items", type=int, default=10_000)
    parser.add_argument("--rounds", type=int, default=3)
    options = parser.parse_args()
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "cdp_project.settings")
    django.setup()
    from django.conf import settings

    from connections.management.commands.run_deliveries import GC_THRESHOLDS

    settings.CDP_DELIVERY_ALLOW = ["127.0.0.1/32"]
    delivery.PEOPLE = PEOPLE
    gc.set_threshold(*GC_THRESHOLDS)
    events_per_second(options.items // 4, refuses=False)
    rates: dict[bool, list[float]] = {False: [], True: []}
    for _ in range(options.rounds):
        for refuses, found in rates.items():
            found.append(events_per_second(options.items, refuses=refuses))
    without, with_one = statistics.median(rates[False]), statistics.median(rates[True])
    print(
        f"events/s of the others: {without:,.0f} without, {with_one:,.0f} with one failing person of {PEOPLE}: "
        f"ratio {with_one / without:.3f}"
    )


if __name__ == "__main__":
    main()
