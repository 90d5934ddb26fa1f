"""Lanes of deliveries: which have work, and who may deliver one for a while.

A lane is worked under a lease; whatever is recorded is fenced by it (connections.record), so a process that
slept too long records nothing.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from cdp_project.kernel.database import Connection
from connections.lane_work import Key

# A process that dies keeps its lanes from the others for this long.
LEASE = timedelta(seconds=5)

_SURVEY = """
SELECT l.bucket, l.output_id,
       coalesce(l.leased_until > %(now)s AND l.lease_holder <> %(holder)s, FALSE),
       EXISTS (SELECT 1 FROM outbox_delivery d
               WHERE d.bucket = l.bucket AND d.output_id = l.output_id AND d.is_open),
       EXISTS (SELECT 1 FROM delivery_exception e
               WHERE e.bucket = l.bucket AND e.output_id = l.output_id AND e.next_at <= %(now)s)
FROM delivery_lane l
"""
_LEASE = """
UPDATE delivery_lane l SET lease_holder = %(holder)s, leased_until = %(until)s
FROM unnest(%(buckets)s::smallint[], %(outputs)s::bigint[]) AS k (bucket, output_id)
WHERE l.bucket = k.bucket AND l.output_id = k.output_id
  AND (l.leased_until IS NULL OR l.leased_until <= %(now)s OR l.lease_holder = %(holder)s)
RETURNING l.bucket, l.output_id
"""
_EXTEND = """
UPDATE delivery_lane l SET leased_until = %(until)s
FROM unnest(%(buckets)s::smallint[], %(outputs)s::bigint[]) AS k (bucket, output_id)
WHERE l.bucket = k.bucket AND l.output_id = k.output_id AND l.lease_holder = %(holder)s
RETURNING l.bucket, l.output_id
"""
_RELEASE = """
UPDATE delivery_lane l SET lease_holder = NULL, leased_until = NULL
FROM unnest(%(buckets)s::smallint[], %(outputs)s::bigint[]) AS k (bucket, output_id)
WHERE l.bucket = k.bucket AND l.output_id = k.output_id AND l.lease_holder = %(holder)s
RETURNING l.bucket, l.output_id
"""


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


def lease(connection: Connection, keys: Iterable[Key], holder: UUID, now: datetime) -> list[Key]:
    """Take those of the lanes that are free, or expired, or ours already."""
    return _run(connection, _LEASE, keys, holder=holder, now=now, until=now + LEASE)


def extend(connection: Connection, keys: Iterable[Key], holder: UUID, now: datetime) -> list[Key]:
    """Keep the lanes, and lock their rows when inside a transaction; those that are not ours any more are left out."""
    return _run(connection, _EXTEND, keys, holder=holder, until=now + LEASE)


def release(connection: Connection, keys: Iterable[Key], holder: UUID) -> None:
    """Give the lanes back."""
    _run(connection, _RELEASE, keys, holder=holder)


def _run(connection: Connection, statement: str, keys: Iterable[Key], **parameters: Any) -> list[Key]:
    ordered = sorted(keys)
    if not ordered:
        return []
    columns = {"buckets": [bucket for bucket, _ in ordered], "outputs": [output for _, output in ordered]}
    rows: list[tuple[Any, ...]] = connection.execute(statement, parameters | columns).fetchall()
    return [(bucket, output) for bucket, output in rows]
