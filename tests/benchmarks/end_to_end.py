"""From request to webhook: the whole product under a steady rate, one webhook for each event.

    python -m tests.benchmarks.end_to_end [--events-per-second 1000] [--events 10] [--seconds 8]

Starts a product of its own. Requests are sent when they are due, whatever became of those before; a latency counts
from then. Every event must have been received once, else there is no figure.
"""

import argparse
import asyncio
import base64
import multiprocessing
import tempfile
import time
from array import array
from collections.abc import Callable
from dataclasses import dataclass
from multiprocessing.connection import Connection as Pipe
from pathlib import Path
from typing import Any

import msgspec
import uvloop

from tests.benchmarks.receiver import Receiver
from tests.product import Credentials, Product, eventually, free_port

CONNECTIONS = 64
PEOPLE = 5000
BODIES = 2000
PLACEHOLDER = 4_000_000_000_000_000
DUE = b'"due_us":'
SETTLED_WITHIN_S = 60
POINT_OUTPUT = """
from connections.models import Connection, Output
from connections.outputs import save_settings
for connection in Connection.objects.select_related("output", "input"):
    save_settings(connection.output, {{"url": "http://127.0.0.1:{port}/", "send": "event"}})
"""


class Timing(Receiver):
    """Notes how long each event took to arrive, in microseconds."""

    took_us: "array[int]" = array("q")

    def note(self, body: bytes) -> None:
        now_us, place = time.time_ns() // 1000, body.find(DUE)
        while place >= 0:
            self.took_us.append(now_us - int(body[place + len(DUE) : place + len(DUE) + 16]))
            place = body.find(DUE, place + 1)


def receive(port: int, pipe: Pipe) -> None:
    """Listen; answer each question with the count so far, and "all" with the latencies."""

    async def serve() -> None:
        loop = asyncio.get_running_loop()
        await loop.create_server(Timing, "127.0.0.1", port, backlog=1024)
        pipe.send("listening")
        while True:
            asked = await loop.run_in_executor(None, pipe.recv)
            if asked == "forget":
                del Timing.took_us[:]
            pipe.send(Timing.took_us.tolist() if asked == "all" else len(Timing.took_us))

    uvloop.run(serve())


def body(person: int, events: int) -> bytes:
    """A batch whose events carry when they were due."""
    return msgspec.json.encode(
        {
            "environment": "production",
            "mp_deviceid": f"00000000-0000-4000-8000-{person:012d}",
            "user_identities": {"customer_id": f"customer-{person}", "email": f"person{person}@example.com"},
            "user_attributes": {"plan": "gold", "visits": 17, "city": "Graz"},
            "device_info": {"platform": "Android", "device_model": "Pixel 8", "os_version": "15"},
            "events": [
                {
                    "event_type": "custom_event",
                    "data": {
                        "event_name": f"Event {number % 20}",
                        "custom_event_type": "other",
                        "session_uuid": f"session-{person}",
                        "custom_attributes": {"due_us": PLACEHOLDER, "item": person, "colour": "red"},
                    },
                }
                for number in range(events)
            ],
        }
    )


@dataclass(frozen=True)
class Plan:
    """What is sent: so many events a second in requests of so many, for so long, to a port."""

    port: int
    authorization: str
    events_per_second: float
    events: int
    seconds: float

    @property
    def requests(self) -> int:
        return int(self.events_per_second * self.seconds / self.events)


async def send(plan: Plan) -> list[float]:
    """Latencies of the answers in seconds; SystemExit when one is not 202."""
    bodies = [body(number % PEOPLE, plan.events) for number in range(BODIES)]
    head = (
        f"POST /v2/events HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/json\r\n"
        f"Authorization: Basic {plan.authorization}\r\nContent-Length: "
    ).encode()
    begins_at, begins_us = time.perf_counter() + 0.2, time.time_ns() // 1000 + 200_000
    every_s = plan.events / plan.events_per_second
    latencies: list[float] = []
    numbers = iter(range(plan.requests))

    async def one_after_another() -> None:
        reader, writer = await asyncio.open_connection("127.0.0.1", plan.port)
        for number in numbers:
            due = begins_at + number * every_s
            await asyncio.sleep(max(0.0, due - time.perf_counter()))
            due_us = begins_us + int(number * every_s * 1e6)
            raw = bodies[number % BODIES].replace(b"%d" % PLACEHOLDER, b"%d" % due_us)
            writer.write(head + b"%d\r\n\r\n" % len(raw) + raw)
            answer = await reader.readuntil(b"\r\n\r\n")
            if b" 202 " not in answer[:20]:
                raise SystemExit(f"An answer was {answer[:40]!r}: no figure.")
            latencies.append(time.perf_counter() - due)
        writer.close()

    # Not so many that the server closes one for being idle.
    connections = min(CONNECTIONS, max(4, int(1 / every_s)))
    await asyncio.gather(*(one_after_another() for _ in range(connections)))
    return latencies


def percentiles_ms(values: list[float]) -> str:
    """p50 / p99 of seconds."""
    ordered = sorted(values)
    return " / ".join(
        f"{ordered[min(int(len(ordered) * share), len(ordered) - 1)] * 1000:.0f}" for share in (0.5, 0.99)
    )


def measure(product: Product, credentials: Credentials, plan: Plan, ask: Callable[[str], Any]) -> None:
    """Load, wait until everything has arrived, print."""
    ask("forget")
    accepted = uvloop.run(send(plan))
    wanted = plan.requests * plan.events
    arrived = eventually(lambda: ask("count"), lambda count: count >= wanted, SETTLED_WITHIN_S)
    if arrived != wanted:
        raise SystemExit(f"{arrived} events arrived instead of {wanted}: no figure.")
    took = [each / 1e6 for each in ask("all")]
    print(
        f"{plan.events_per_second:,.0f} events/s in requests of {plan.events}: "
        f"answered after {percentiles_ms(accepted)} ms, "
        f"at the webhook after {percentiles_ms(took)} ms (p50 / p99); {wanted} of {wanted} arrived",
        flush=True,
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--events-per-second", type=float, nargs="*", default=[1000, 5000])
    parser.add_argument("--events", type=int, default=10, help="events a request")
    parser.add_argument("--seconds", type=float, default=8)
    options = parser.parse_args()
    ours, theirs = multiprocessing.Pipe()
    port = free_port()
    receiver = multiprocessing.get_context("fork").Process(target=receive, args=(port, theirs), daemon=True)
    receiver.start()
    ours.recv()

    def ask(question: str) -> Any:
        ours.send(question)
        return ours.recv()

    with tempfile.TemporaryDirectory() as folder:
        product = Product(Path(folder), CDP_DELIVERY_ALLOW=f"127.0.0.1/32:{port}")
        product.start()
        try:
            credentials = product.credentials()
            product.manage("shell", "-c", POINT_OUTPUT.format(port=port))
            key = base64.b64encode(f"{credentials.server_key}:{credentials.server_secret}".encode()).decode()
            for rate in (200.0, *options.events_per_second):
                # The first is to warm everything up.
                measure(product, credentials, Plan(product.port, key, rate, options.events, options.seconds), ask)
        finally:
            product.stop()
            receiver.terminate()


if __name__ == "__main__":
    main()
