"""Lanes: which there are, which have work, and who may work one for a while.

A lease keeps processes from reading the same lane twice over; it is a courtesy. What makes work exactly
once is the lane's row, locked in the transaction, and the DELETE of exactly the rows that were read.
"""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from cdp_project.kernel import bulk
from cdp_project.kernel.database import Connection
from cdp_project.kernel.used_buckets import used_buckets
from events.intake.inbox import SLOT_BITS, microseconds

# A process that dies keeps its lane from the others for this long. While a chunk is in its transaction the
# locked row does the same, so only reading and preparing has to be over in this time.
LEASE = timedelta(seconds=5)
# A commit may become visible this long after its accept_seq was drawn: intake waits 10 s at most.
LATE_COMMIT_MOST = timedelta(seconds=60)


@dataclass(frozen=True, slots=True)
class Work:
    """A lane with waiting batches; the first of them has this `accept_seq`."""

    bucket: int
    first_seq: int


def safe_low_water(last_seq: int, now: datetime) -> int:
    """Where reading may begin once everything up to `last_seq` is done: never so late that a late commit is skipped."""
    horizon = microseconds(now - LATE_COMMIT_MOST) << SLOT_BITS
    return min(last_seq + 1, horizon)


def ensure(connection: Connection, buckets: list[int]) -> None:
    """Make the rows of these lanes, and of any other lane that batches wait in (the number of lanes was changed)."""
    rows = [(bucket, 0, "") for bucket in {*buckets, *used_buckets(connection, "inbox")}]
    bulk.insert(connection, "lane", ("bucket", "low_water", "halted_reason"), rows, tail="ON CONFLICT DO NOTHING")


_WITH_WORK = """
SELECT l.bucket,
       (SELECT i.accept_seq FROM inbox i
        WHERE i.bucket = l.bucket AND i.accept_seq >= CASE WHEN %(all)s THEN 0 ELSE l.low_water END
        ORDER BY i.accept_seq LIMIT 1)
FROM lane l
WHERE l.halted_at IS NULL AND (l.leased_until IS NULL OR l.leased_until <= %(now)s OR l.lease_holder = %(holder)s)
"""


def with_work(connection: Connection, holder: UUID, now: datetime, *, read_all: bool) -> list[Work]:
    """Lanes that `holder` may work and that have batches, the oldest batch first.

    Reading begins at the low-water mark of each lane unless `read_all`.
    """
    parameters = {"all": read_all, "now": now, "holder": holder}
    rows = connection.execute(_WITH_WORK, parameters).fetchall()
    found = [Work(int(str(bucket)), int(str(first))) for bucket, first in rows if first is not None]
    return sorted(found, key=lambda work: work.first_seq)


# Skips a lane whose row is locked: its lease may have run out while the transaction still goes on.
_LEASE = """
UPDATE lane l SET lease_holder = %(holder)s, leased_until = %(until)s
FROM (SELECT bucket FROM lane
      WHERE bucket = ANY(%(buckets)s::smallint[]) AND halted_at IS NULL
        AND (leased_until IS NULL OR leased_until <= %(now)s OR lease_holder = %(holder)s)
      ORDER BY bucket FOR UPDATE SKIP LOCKED) AS free
WHERE l.bucket = free.bucket
RETURNING l.bucket
"""
_GIVE_BACK = """
UPDATE lane SET lease_holder = NULL, leased_until = NULL
WHERE bucket = ANY(%s::smallint[]) AND lease_holder = %s
"""
_LOCK = """
SELECT bucket FROM lane WHERE bucket = ANY(%s::smallint[]) AND halted_at IS NULL ORDER BY bucket FOR UPDATE SKIP LOCKED
"""
_FINISH = """
UPDATE lane l SET low_water = k.low_water,
    lease_holder = CASE WHEN %s THEN l.lease_holder END, leased_until = CASE WHEN %s THEN l.leased_until END
FROM unnest(%s::smallint[], %s::bigint[]) AS k (bucket, low_water) WHERE l.bucket = k.bucket
"""


def lease(connection: Connection, buckets: Iterable[int], holder: UUID, now: datetime) -> set[int]:
    """Take these lanes for a while; those that another process has, or that are halted, are left out."""
    parameters = {"buckets": list(buckets), "holder": holder, "now": now, "until": now + LEASE}
    return {int(str(bucket)) for (bucket,) in connection.execute(_LEASE, parameters)}


def give_back(connection: Connection, buckets: Iterable[int], holder: UUID) -> None:
    """End the leases without having done anything."""
    if taken := list(buckets):
        connection.execute(_GIVE_BACK, (taken, holder))


def lock(connection: Connection, buckets: Collection[int]) -> bool:
    """Lock the lanes' rows until the transaction ends; False when another has one of them or one is halted."""
    return connection.execute(_LOCK, (list(buckets),)).rowcount == len(buckets)


def finish(connection: Connection, low_waters: Mapping[int, int], *, keeps_lease: bool = False) -> None:
    """Within the transaction of a chunk: move the low-water marks of its lanes, by bucket, and end the leases."""
    connection.execute(_FINISH, (keeps_lease, keeps_lease, list(low_waters), list(low_waters.values())))


def halt(connection: Connection, bucket: int, reason: str, now: datetime) -> None:
    """Nothing of the lane is processed until somebody resumes it."""
    connection.execute(
        "UPDATE lane SET halted_at = %s, halted_reason = %s, lease_holder = NULL, leased_until = NULL "
        "WHERE bucket = %s",
        (now, reason, bucket),
    )


def halted(connection: Connection) -> list[int]:
    """The lanes that wait for somebody to resume them."""
    rows = connection.execute("SELECT bucket FROM lane WHERE halted_at IS NOT NULL ORDER BY bucket").fetchall()
    return [int(str(bucket)) for (bucket,) in rows]


def resume(connection: Connection, bucket: int | None) -> int:
    """Let one halted lane, or all, be worked again; how many there were."""
    cursor = connection.execute(
        "UPDATE lane SET halted_at = NULL, halted_reason = '' "
        "WHERE halted_at IS NOT NULL AND (%(bucket)s::smallint IS NULL OR bucket = %(bucket)s)",
        {"bucket": bucket},
    )
    return cursor.rowcount
