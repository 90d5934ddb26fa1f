"""How long what was not delivered is kept: 30 days after its first failure. After that only the counters remain."""

from datetime import datetime, timedelta
from typing import Any

from cdp_project.kernel import clock, partitions
from cdp_project.kernel.database import Connection
from connections import record
from connections.attempts import TABLE as ATTEMPTS
from connections.lane_work import Key
from connections.models import ItemState

KEPT = timedelta(days=30)
# What was under way when an output was deleted still reaches its lanes.
STRAGGLERS = timedelta(minutes=10)
# A transaction deletes no more than this, so that it locks nobody out for long.
ROWS_MOST = 2000

_LANES = "SELECT bucket, output_id FROM delivery_lane ORDER BY bucket, output_id"
# What somebody lets go again at this moment is left to them; what was let go since this began is looked at anew.
_FORGET = """
WITH old AS MATERIALIZED (
    SELECT chunk_id, position FROM delivery_exception
    WHERE bucket = %(bucket)s AND output_id = %(output)s AND state IN (%(failed)s, %(parked)s, %(withheld)s)
      AND first_failed_at < %(before)s
    LIMIT %(most)s FOR UPDATE SKIP LOCKED)
DELETE FROM delivery_exception e USING old
WHERE e.bucket = %(bucket)s AND e.output_id = %(output)s AND e.chunk_id = old.chunk_id AND e.position = old.position
RETURNING e.chunk_id
"""
_DROP_LANES = """
DELETE FROM delivery_lane l WHERE NOT EXISTS (SELECT 1 FROM output o WHERE o.id = l.output_id)
  AND NOT EXISTS (SELECT 1 FROM outbox_delivery d WHERE d.bucket = l.bucket AND d.output_id = l.output_id)
  AND NOT EXISTS (SELECT 1 FROM delivery_exception e WHERE e.bucket = l.bucket AND e.output_id = l.output_id)
  AND NOT EXISTS (SELECT 1 FROM audit_entry a WHERE a.kind = 'output' AND a.action = 'deleted'
                  AND a.object_id = l.output_id::text AND a.at > %(since)s)
  AND (l.leased_until IS NULL OR l.leased_until <= %(now)s)
"""


def forget_old(connection: Connection, now: datetime) -> int:
    """Delete what was refused, parked or withheld late and is too old, with its payloads; how many items.

    `connection` autocommits.
    """
    lanes: list[tuple[Any, ...]] = connection.execute(_LANES).fetchall()
    forgotten = 0
    for bucket, output_id in lanes:
        while found := _forget_some(connection, (bucket, output_id), now - KEPT):
            forgotten += found
    return forgotten


def _forget_some(connection: Connection, key: Key, before: datetime) -> int:
    bucket, output_id = key
    parameters = {
        "bucket": bucket,
        "output": output_id,
        "failed": ItemState.FAILED,
        "parked": ItemState.PARKED,
        "withheld": ItemState.WITHHELD,
        "before": before,
        "most": ROWS_MOST,
    }
    with connection.transaction():
        rows: list[tuple[Any, ...]] = connection.execute(_FORGET, parameters).fetchall()
        record.close_emptied(connection, {(bucket, output_id, chunk_id) for (chunk_id,) in rows})
    return len(rows)


def drop_lanes_of_deleted(connection: Connection, now: datetime) -> int:
    """Delete the lock rows of outputs that are gone for a while, once nothing is left to settle there; how many."""
    return connection.execute(_DROP_LANES, {"now": now, "since": now - STRAGGLERS}).rowcount


def drop_old_attempts(connection: Connection, now: datetime) -> list[str]:
    """Drop days of the log of attempts; their names. `connection` is in autocommit mode."""
    oldest = partitions.day_partition(ATTEMPTS, clock.day_of(now - KEPT))
    old = [name for name in partitions.partitions_of(connection, ATTEMPTS) if name < oldest]
    for name in old:
        partitions.drop_partition(connection, ATTEMPTS, name)
    return old
