"""Lanes of deliveries: which have work, and who may deliver one for a while.

A lane is worked under a lease; whatever is recorded is fenced by it (connections.record), so a process that
slept too long records nothing.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from cdp_project.kernel.database import Connection
from cdp_project.kernel.queue import LeasedRows
from connections.lane_work import Key

# A process that dies keeps its lanes from the others for this long.
LEASE = timedelta(seconds=5)

# Whoever is held back waits for somebody with a time; where there is none any more, nobody else would come.
_SURVEY = """
SELECT l.bucket, l.output_id,
       coalesce(l.leased_until > %(now)s AND l.lease_holder <> %(holder)s, FALSE),
       EXISTS (SELECT 1 FROM outbox_delivery d
               WHERE d.bucket = l.bucket AND d.output_id = l.output_id AND d.is_open),
       EXISTS (SELECT 1 FROM delivery_exception e
               WHERE e.bucket = l.bucket AND e.output_id = l.output_id AND e.next_at <= %(now)s)
       OR (EXISTS (SELECT 1 FROM delivery_exception e
                   WHERE e.bucket = l.bucket AND e.output_id = l.output_id AND e.state IN (1, 2))
           AND NOT EXISTS (SELECT 1 FROM delivery_exception e
                           WHERE e.bucket = l.bucket AND e.output_id = l.output_id AND e.next_at IS NOT NULL))
FROM delivery_lane l
"""
LANES = LeasedRows("delivery_lane", (("bucket", "smallint"), ("output_id", "bigint")), LEASE)


@dataclass(frozen=True, slots=True)
class Work:
    """A lane with something to do: deliveries that are open, retries that are due."""

    key: Key
    is_taken: bool
    has_open: bool
    has_due: bool


def survey(connection: Connection, holder: UUID, now: datetime) -> list[Work]:
    """Lanes with work; `is_taken` by another process."""
    rows: list[tuple[Any, ...]] = connection.execute(_SURVEY, {"now": now, "holder": holder}).fetchall()
    return [Work((bucket, output), *rest) for bucket, output, *rest in rows if any(rest[1:])]
