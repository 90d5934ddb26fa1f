"""How fast one process delivers: a filled outbox, drained to a fast receiver on the same machine.

    python -m tests.benchmarks.delivery [--items 20000] [--events-per-batch 1] [--send event]

Uses the database of the settings and leaves it as it was. The receiver's own count must equal the items.
"""

import argparse
import asyncio
import gc
import multiprocessing
import os
import time
from collections.abc import Iterator
from dataclasses import dataclass
from multiprocessing.connection import Connection as Pipe
from typing import Any

import django
import uvloop

from tests.benchmarks.receiver import Receiver

LANES = 16
PEOPLE = 5000


class Counting(Receiver):
    """Counts requests."""

    count = 0

    def note(self, _body: bytes) -> None:
        Counting.count += 1


def receive(pipe: Pipe) -> None:
    """Listen on a free port, tell which, count until asked."""

    async def serve() -> None:
        loop = asyncio.get_running_loop()
        server = await loop.create_server(Counting, "127.0.0.1", 0)
        pipe.send(server.sockets[0].getsockname()[1])
        await loop.run_in_executor(None, pipe.recv)
        pipe.send((Counting.count, time.process_time()))

    uvloop.run(serve())


@dataclass
class Measured:
    """One run."""

    items: int
    requests: int
    seconds: float
    cpu_seconds: float

    def __str__(self) -> str:
        return (
            f"{self.items} events in {self.requests} requests, {self.seconds:.2f} s: "
            f"{self.items / self.seconds:,.0f} events/s, {self.requests / self.seconds:,.0f} requests/s, "
            f"{self.cpu_seconds / self.requests * 1e6:.0f} µs CPU a request in the delivering process"
        )


def batches(items: int, events_per_batch: int) -> Iterator[Any]:
    """Outbox batches of people in turn."""
    from connections.payload import OutboxBatch
    from directory.contracts import ForwardedBatch, ForwardedEvent
    from events.identity_types import IdentityType

    now_ms = int(time.time() * 1000)
    for number in range(items // events_per_batch):
        person = number % PEOPLE
        events = tuple(
            ForwardedEvent(
                f"01900000-0000-7000-8000-{number:06d}{place:06d}",
                "custom_event",
                "Viewed",
                now_ms,
                {"event_name": "Viewed", "custom_event_type": "other", "custom_attributes": {"colour": "red", "n": 3}},
            )
            for place in range(events_per_batch)
        )
        yield OutboxBatch(
            number,
            ForwardedBatch(
                batch_id=f"01900000-0000-7000-9000-{number:012d}",
                mpid=person + 1,
                environment="production",
                received_at_ms=now_ms,
                source_request_id=None,
                input_id=1,
                input_name="Server",
                input_kind="feed",
                platform=None,
                identities={IdentityType.CUSTOMER_ID: f"u-{person}", IdentityType.EMAIL: f"u{person}@example.com"},
                user_attributes={"plan": "pro", "visits": 3, "vip": True, "city": "Bern"},
                envelope={"device_info": {"platform": "iOS"}, "application_info": {"os": "IOS"}},
                events=events,
            ),
        )


def fill(connection: Any, items: int, events_per_batch: int) -> None:
    """Write the outbox as the pipeline does, one transaction."""
    from cdp_project.kernel import clock
    from cdp_project.kernel.database import connect
    from cdp_project.workspaces.environment import Environment
    from connections import outbox
    from connections.forward import Route
    from directory.contracts import Wants

    everywhere = frozenset(Environment)
    route = Route(connection.pk, connection.output_id, True, everywhere, Wants(), None, 1)
    chunks: dict[int, list[outbox.NewChunk]] = {}
    for batch in batches(items, events_per_batch):
        bucket = batch.batch.mpid % LANES * 256
        lane = chunks.setdefault(bucket, [])
        if not lane or lane[-1].is_full:
            workspace_id, input_id = connection.workspace_id, connection.input_id
            lane.append(outbox.NewChunk(bucket, workspace_id, Environment.PRODUCTION, input_id, batch.seq))
        lane[-1].add(batch, [[route]] * batch.item_count)
    with connect() as database:
        written = [chunk for lane in chunks.values() for chunk in lane]
        outbox.write(database, written, clock.now(), outbox.lane_routes(written))


def measure(items: int, events_per_batch: int, send: str) -> Measured:
    """Fill, drain, check the receiver's count, tidy up."""
    from django.conf import settings

    from cdp_project.workspaces.models import Workspace
    from connections.deliver import Deliveries
    from connections.management.commands.run_deliveries import GC_THRESHOLDS
    from connections.models import Output
    from connections.outputs import save_settings
    from tests import factories

    ours, theirs = multiprocessing.Pipe()
    receiver = multiprocessing.get_context("fork").Process(target=receive, args=(theirs,), daemon=True)
    receiver.start()
    settings.CDP_DELIVERY_ALLOW = ["127.0.0.1/32"]
    workspace = factories.workspace(slug=f"bench-{os.getpid()}-{time.monotonic_ns()}")
    output = Output(workspace=workspace, integration="webhook", name="Bench")
    save_settings(
        output,
        {"url": f"http://127.0.0.1:{ours.recv()}/", "send": send, "signing_secret": "whsec_" + "c2VjcmV0" * 4},
    )
    fill(factories.connection(factories.feed(workspace), output), items, events_per_batch)
    gc.set_threshold(*GC_THRESHOLDS)
    deliveries = Deliveries()
    started, cpu = time.perf_counter(), time.process_time()
    deliveries.drain()
    seconds, cpu = time.perf_counter() - started, time.process_time() - cpu
    deliveries.close()
    ours.send("enough")
    requests, _ = ours.recv()
    receiver.join(5)
    Workspace.objects.filter(pk=workspace.pk).delete()
    expected = items if send == "event" else items // events_per_batch
    if requests != expected:
        raise SystemExit(f"The receiver counted {requests} requests instead of {expected}: no figure.")
    return Measured(items, requests, seconds, cpu)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--items", type=int, default=20_000)
    parser.add_argument("--events-per-batch", type=int, default=1)
    parser.add_argument("--send", choices=["event", "batch"], default="event")
    options = parser.parse_args()
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "cdp_project.settings")
    django.setup()
    print(measure(options.items, options.events_per_batch, options.send))


if __name__ == "__main__":
    main()
