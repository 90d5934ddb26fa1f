"""How fast the pipeline works through a backlog: fills the inbox, drains it in this process, counts what came out.

    python -m tests.benchmarks.processing --batches 20000 --events 1

Works in a workspace of its own in the database of DATABASE_URL, which keeps what was made.
"""

import argparse
import cProfile
import os
import pstats
import random
import time
from pathlib import Path

import django
import msgspec

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "cdp_project.settings")
django.setup()

from django.conf import settings  # noqa: E402
from django.utils.crypto import get_random_string  # noqa: E402

from cdp_project.kernel import bulk, clock  # noqa: E402
from cdp_project.kernel.buckets import time_ordered_id  # noqa: E402
from cdp_project.kernel.database import Connection, connect  # noqa: E402
from cdp_project.kernel.garbage import collect_rarely  # noqa: E402
from cdp_project.workspaces.environment import Environment  # noqa: E402
from events.decoding.events_api import head_of  # noqa: E402
from events.intake import bodies, inbox  # noqa: E402
from events.intake.lane_key import key_bucket, lane_of_bucket  # noqa: E402
from events.models import Input  # noqa: E402
from events.processing.runner import Runner  # noqa: E402
from events.protocol import PROTOCOLS  # noqa: E402
from tests import factories  # noqa: E402

NAMES = [f"Event {number}" for number in range(40)]
_INBOX_TYPES = {
    "bucket": "int2",
    "accept_seq": "int8",
    "batch_id": "uuid",
    "workspace_id": "int8",
    "input_id": "int8",
    "environment": "int2",
    "protocol": "text",
    "is_historical": "bool",
    "received_at": "timestamptz",
    "event_count": "int4",
    "encoding": "int2",
    "body": "bytea",
}


def body(draw: random.Random, people: int, events: int) -> bytes:
    """A batch as an SDK sends it: three identities, attributes, device, events with ids."""
    person = draw.randrange(people)
    now_ms = clock.milliseconds(clock.now())
    return msgspec.json.encode(
        {
            "environment": "production",
            "source_request_id": f"{draw.getrandbits(128):032x}",
            "mp_deviceid": f"00000000-0000-4000-8000-{person:012d}",
            "user_identities": {"customer_id": f"customer-{person}", "email": f"person{person}@example.com"},
            "user_attributes": {"plan": draw.choice(["free", "gold"]), "visits": draw.randrange(100), "city": "Graz"},
            "device_info": {"platform": "Android", "device_model": "Pixel 8", "os_version": "15", "brand": "Google"},
            "application_info": {"application_name": "Shop", "application_version": "3.2.1"},
            "events": [
                {
                    "event_type": "custom_event",
                    "data": {
                        "event_name": draw.choice(NAMES),
                        "custom_event_type": "other",
                        "timestamp_unixtime_ms": now_ms - draw.randrange(60_000),
                        "source_message_id": f"{draw.getrandbits(128):032x}",
                        "session_uuid": f"session-{person}",
                        "custom_attributes": {"item": draw.randrange(1000), "price": 9.5, "colour": "red", "a": "b"},
                    },
                }
                for _ in range(events)
            ],
        }
    )


def fill(connection: Connection, source: Input, batches: int, events: int, people: int) -> None:
    """Put the batches into the inbox as intake would have, by COPY."""
    protocol, sequence, draw = PROTOCOLS["mparticle"], inbox.AcceptSequence(), random.Random()
    endpoint = protocol.endpoints[0]
    rows = []
    for _ in range(batches):
        raw = body(draw, people, events)
        lane = lane_of_bucket(key_bucket(head_of(raw), source.workspace_id) or 0, settings.CDP_LANES)
        now = clock.now()
        rows.append(
            (
                lane,
                sequence.next(now),
                time_ordered_id(now, lane),
                source.workspace_id,
                source.pk,
                int(Environment.PRODUCTION),
                protocol.key,
                endpoint.is_historical,
                now,
                events,
                *bodies.pack(raw),
            )
        )
    bulk.copy(connection, "inbox", inbox.COLUMNS, [_INBOX_TYPES[name] for name in inbox.COLUMNS], rows)


def drain(source: Input, events: int) -> None:
    """Drain and print the figures; a run in which an event is missing has none."""
    runner = Runner()
    runner.turn()  # partitions, connections and caches are there before the clock starts
    before, backend = stored(source), runner._database.get().info.backend_pid
    wall, cpu, backend_cpu = time.perf_counter(), time.process_time(), cpu_seconds(backend)
    runner.drain()
    wall, cpu = time.perf_counter() - wall, time.process_time() - cpu
    backend_cpu = cpu_seconds(backend) - backend_cpu
    runner.close()
    done = stored(source) - before
    if stored(source) != events:
        raise SystemExit(f"{stored(source)} of {events} events are stored: no figure.")
    print(
        f"{done} events in {wall:.2f} s: {done / wall:,.0f} events/s; CPU an event {cpu / done * 1e6:.1f} us here, "
        f"{backend_cpu / done * 1e6:.1f} us in the database: {done / (cpu + backend_cpu):,.0f} a CPU-second",
        flush=True,
    )


def cpu_seconds(pid: int) -> float:
    """CPU time of a process of this machine; 0 when it is not one."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return 0.0
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def stored(source: Input) -> int:
    """Events of the input in the database."""
    with connect() as connection:
        row = connection.execute("SELECT count(*) FROM event WHERE input_id = %s", (source.pk,)).fetchone()
    return int(str(row[0])) if row else 0


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--batches", type=int, default=20_000)
    parser.add_argument("--events", type=int, default=1, help="events a batch")
    parser.add_argument("--people", type=int, default=50_000)
    parser.add_argument("--rounds", type=int, default=2, help="the first meets only new people")
    parser.add_argument("--profile", action="store_true", help="print where the time goes")
    options = parser.parse_args()
    collect_rarely()
    source = factories.feed(factories.workspace(f"bench-{get_random_string(8).lower()}"))
    for number in range(1, options.rounds + 1):
        with connect(autocommit=True) as connection:
            fill(connection, source, options.batches, options.events, options.people)
            connection.execute("ANALYZE inbox")
        if not options.profile:
            drain(source, number * options.batches * options.events)
            continue
        with cProfile.Profile() as profile:
            drain(source, number * options.batches * options.events)
        pstats.Stats(profile).sort_stats("tottime").print_stats(35)


if __name__ == "__main__":
    main()
