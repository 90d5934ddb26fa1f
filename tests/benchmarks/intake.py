"""How fast one web process takes batches in: a real server, loopback connections, counts read back from the inbox.

    python -m tests.benchmarks.intake [--seconds 3] [--connections 16 64] [--events 1 100]

Uses the database of the settings, without a pipeline running, and takes its rows away again.
"""

import argparse
import base64
import json
import os
import random
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from uuid import UUID

import django
import psutil

from tests.benchmarks.load import Load, run
from tests.product import eventually, free_port

PEOPLE = 20_000
BODIES = 100
SERVER = ("-m", "uvicorn", "cdp_project.asgi:application", "--no-access-log", "--log-level", "warning")


@dataclass(frozen=True)
class Cell:
    """One line of the table."""

    connections: int
    events: int
    load: Load
    cpu_seconds: float

    def __str__(self) -> str:
        accepted = len(self.load.latencies)
        rate = accepted / self.load.seconds
        return (
            f"{self.connections:4} connections, {self.events:3} events a request:"
            f" {rate:8,.0f} requests/s {rate * self.events:10,.0f} events/s,"
            f" p50 {self.load.percentile_ms(0.5):6.1f} ms, p99 {self.load.percentile_ms(0.99):6.1f} ms,"
            f" {accepted / self.cpu_seconds:7,.0f} requests per CPU-second of the web process"
        )


def body_of(chance: random.Random, events: int) -> bytes:
    """A batch as an app sends it, about 900 bytes with one event."""
    person, now_ms = chance.randrange(PEOPLE), int(time.time() * 1000)
    batch = {
        "schema_version": 2,
        "environment": "production",
        "source_request_id": str(UUID(int=chance.getrandbits(128))),
        "user_identities": {"customer_id": f"cust-{person}", "email": f"user{person}@example.com"},
        "user_attributes": {"plan": chance.choice(["free", "gold"]), "country": "DE", "$age": str(20 + person % 60)},
        "device_info": {"platform": "iOS", "device_model": "iPhone14,5", "ios_idfv": str(UUID(int=person * 7919))},
        "application_info": {
            "application_name": "shop",
            "application_version": "5.12.0",
            "package": "com.example.shop",
        },
        "ip": "203.0.113.7",
        "events": [event_of(chance, now_ms - place * 37) for place in range(events)],
    }
    return json.dumps(batch, separators=(",", ":")).encode()


def event_of(chance: random.Random, at_ms: int) -> dict[str, object]:
    data = {
        "event_name": chance.choice(["view_item", "add_to_cart", "purchase", "search", "login"]),
        "custom_event_type": "navigation",
        "timestamp_unixtime_ms": at_ms,
        "source_message_id": str(UUID(int=chance.getrandbits(128))),
        "session_uuid": str(UUID(int=chance.getrandbits(128))),
        "custom_attributes": {
            "item_id": f"sku-{chance.randrange(10_000)}",
            "price": f"{chance.random() * 100:.2f}",
            "currency": "EUR",
            "category": "shoes",
        },
    }
    return {"event_type": "custom_event", "data": data}


def requests_of(events: int, key: str, secret: str) -> list[bytes]:
    """Whole HTTP requests, all different."""
    chance = random.Random(events)
    authorization = base64.b64encode(f"{key}:{secret}".encode()).decode()
    bodies = [body_of(chance, events) for _ in range(BODIES)]
    head = "POST /v2/events HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/json\r\n"
    head += f"Authorization: Basic {authorization}\r\n"
    return [f"{head}Content-Length: {len(body)}\r\n\r\n".encode() + body for body in bodies]


@contextmanager
def server() -> Iterator[tuple[int, psutil.Process]]:
    """One web process on a free port, and gone afterwards."""
    port = free_port()
    process = subprocess.Popen([sys.executable, *SERVER, "--port", str(port)])
    try:
        eventually(lambda: answers(port), bool)
        yield port, psutil.Process(process.pid)
    finally:
        process.terminate()
        process.wait(30)


def answers(port: int) -> bool:
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/readyz", timeout=5) as answer:
            return bool(answer.status == 200)
    except OSError:
        return False


def measure(seconds: float, connections: list[int], events: list[int]) -> Iterator[Cell]:
    """Every combination; a run with a refused or a missing request has no figure."""
    from cdp_project.kernel import clock
    from events.intake.issuing import issue_key
    from events.models import InboxRow
    from tests import factories

    source = factories.feed(factories.workspace(f"bench-{time.time_ns()}"))
    issued = issue_key(source, clock.now())
    rows = InboxRow.objects.filter(input_id=source.pk)
    try:
        with server() as (port, process):
            for event_count in events:
                requests = requests_of(event_count, issued.key, issued.secret)
                run(port, requests, 4, 0.5)
                for connection_count in connections:
                    before, spent = rows.count(), cpu_seconds(process)
                    load = run(port, requests, connection_count, seconds)
                    cell = Cell(connection_count, event_count, load, cpu_seconds(process) - spent)
                    assert not load.others, load.others
                    assert rows.count() - before == len(load.latencies), "accepted and not stored"
                    yield cell
    finally:
        rows.delete()
        source.workspace.delete()


def cpu_seconds(process: psutil.Process) -> float:
    times = process.cpu_times()
    return float(times.user + times.system)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=float, default=3.0)
    parser.add_argument("--connections", type=int, nargs="+", default=[16, 64])
    parser.add_argument("--events", type=int, nargs="+", default=[1, 100])
    options = parser.parse_args()
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "cdp_project.settings")
    django.setup()
    for cell in measure(options.seconds, options.connections, options.events):
        print(cell, flush=True)


if __name__ == "__main__":
    main()
