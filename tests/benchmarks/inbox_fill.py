"""Fill the inbox as intake would have, by COPY, visible all at once: then the clock of a drain can start."""

from collections.abc import Iterator
from typing import Any

from django.conf import settings

from cdp_project.kernel import bulk, clock
from cdp_project.kernel.buckets import time_ordered_id
from cdp_project.kernel.database import connect
from cdp_project.kernel.wake import waker
from cdp_project.workspaces.environment import Environment
from events.decoding.events_api import head_of
from events.intake import bodies as kept_bodies
from events.intake import inbox
from events.intake.lane_key import key_bucket, lane_of_bucket
from events.models import Input
from events.protocol import PROTOCOLS
from tests.benchmarks.bodies import Bodies, stamps

# In the order of `rows_of`.
_COLUMNS = (
    "bucket",
    "accept_seq",
    "batch_id",
    "workspace_id",
    "input_id",
    "environment",
    "protocol",
    "is_historical",
    "received_at",
    "event_count",
    "encoding",
    "body",
)


def fill(source: Input, bodies: Bodies, batches: int) -> None:
    """Put the batches in, commit, tell the pipeline."""
    with connect(name="bench") as connection:
        connection.execute("SET statement_timeout = 0; SET idle_in_transaction_session_timeout = 0")
        bulk.copy(connection, "inbox", _COLUMNS, rows_of(source, bodies, batches))
        connection.execute("ANALYZE inbox")
    waker.hint("pipeline")


def rows_of(source: Input, bodies: Bodies, batches: int) -> Iterator[tuple[Any, ...]]:
    """Rows in the order of acceptance."""
    sequence, lanes = inbox.AcceptSequence(), dict[int, int]()
    protocol = PROTOCOLS["mparticle"]
    for number, stamp in zip(range(batches), stamps(), strict=False):
        raw, person = bodies.body(number, stamp), bodies.person(number)
        if person not in lanes:
            lanes[person] = lane_of_bucket(key_bucket(head_of(raw), source.workspace_id) or 0, settings.CDP_LANES)
        now = clock.now()
        yield (
            lanes[person],
            sequence.next(now),
            time_ordered_id(now, lanes[person]),
            source.workspace_id,
            source.pk,
            int(Environment.PRODUCTION),
            protocol.key,
            protocol.endpoints[0].is_historical,
            now,
            bodies.events,
            *kept_bodies.pack(raw),
        )
