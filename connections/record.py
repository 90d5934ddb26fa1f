"""Record what became of parcels: one short transaction for all lanes in hand, fenced by their leases."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from cdp_project.kernel import bulk
from cdp_project.kernel.database import Connection
from cdp_project.kernel.failpoints import failpoint
from connections import alerts, leases, verdicts
from connections.attempts import Attempt, AttemptLog
from connections.lane_work import LaneWork
from connections.models import ItemState
from connections.parcels import Origin
from connections.progress import Progress, progress_of
from events.reasons import CONNECTION_DELETED, OUTPUT_DELETED

# Withheld for one of these, it is never sent again, and nobody needs its payload; what was off may be on again.
GONE = [OUTPUT_DELETED, CONNECTION_DELETED]

DeliveryKey = tuple[int, int, UUID]
"""Bucket, output and chunk."""

_CHUNK_KEY = ("bucket", "chunk_id")
_DELIVERY_KEY = ("bucket", "output_id", "chunk_id")
_EXCEPTION_KEY = ("bucket", "output_id", "chunk_id", "position")
_EXCEPTION_REST = (
    "connection_id",
    "environment",
    "mpid",
    "event_id",
    "state",
    "reason",
    "attempts",
    "first_failed_at",
    "last_at",
    "next_at",
)
# When it first failed stays as it was; what was held until now has not failed before.
_EXCEPTION_TAIL = f"""
ON CONFLICT ({", ".join(_EXCEPTION_KEY)}) DO UPDATE
SET state = EXCLUDED.state, reason = EXCLUDED.reason, attempts = EXCLUDED.attempts, last_at = EXCLUDED.last_at,
    next_at = EXCLUDED.next_at,
    first_failed_at = CASE WHEN delivery_exception.attempts = 0 THEN EXCLUDED.first_failed_at
                           ELSE delivery_exception.first_failed_at END
"""
_DELETE_EXCEPTIONS = """
DELETE FROM delivery_exception e
USING unnest(%s::smallint[], %s::bigint[], %s::uuid[], %s::int[]) AS k (bucket, output_id, chunk_id, position)
WHERE e.bucket = k.bucket AND e.output_id = k.output_id AND e.chunk_id = k.chunk_id AND e.position = k.position
"""
# So that the next one that is held (2) goes out even if this process dies before it looks for it.
_MOVE_ON = """
UPDATE delivery_exception e SET next_at = %s
FROM (SELECT DISTINCT ON (h.bucket, h.output_id, h.mpid) h.bucket, h.output_id, h.chunk_id, h.position
      FROM unnest(%s::smallint[], %s::bigint[], %s::bigint[]) AS k (bucket, output_id, mpid)
      JOIN delivery_exception h ON h.bucket = k.bucket AND h.output_id = k.output_id AND h.mpid = k.mpid
      JOIN outbox_delivery d ON d.bucket = h.bucket AND d.output_id = h.output_id AND d.chunk_id = h.chunk_id
      WHERE h.state = 2
      ORDER BY h.bucket, h.output_id, h.mpid, d.chunk_seq, h.chunk_id, h.position) AS first
WHERE e.bucket = first.bucket AND e.output_id = first.output_id AND e.chunk_id = first.chunk_id
  AND e.position = first.position
"""
_CLOSE = """
DELETE FROM outbox_delivery d
USING unnest(%s::smallint[], %s::bigint[], %s::uuid[], %s::bool[]) AS k (bucket, output_id, chunk_id, is_finished)
WHERE d.bucket = k.bucket AND d.output_id = k.output_id AND d.chunk_id = k.chunk_id
  AND (k.is_finished OR NOT d.is_open)
  AND NOT EXISTS (SELECT 1 FROM delivery_exception e
                  WHERE e.bucket = d.bucket AND e.output_id = d.output_id AND e.chunk_id = d.chunk_id
                  AND (e.state <> %s OR e.reason <> ALL(%s)))
RETURNING d.bucket, d.output_id, d.chunk_id
"""
_ADVANCE = """
UPDATE outbox_delivery d SET done = d.done + k.done, is_open = NOT k.is_finished
FROM unnest(%s::smallint[], %s::bigint[], %s::uuid[], %s::int4multirange[], %s::bool[])
     AS k (bucket, output_id, chunk_id, done, is_finished)
WHERE d.bucket = k.bucket AND d.output_id = k.output_id AND d.chunk_id = k.chunk_id
"""
_DROP_CHUNKS = """
DELETE FROM outbox_chunk c USING unnest(%s::smallint[], %s::uuid[]) AS k (bucket, chunk_id)
WHERE c.bucket = k.bucket AND c.chunk_id = k.chunk_id
  AND NOT EXISTS (SELECT 1 FROM outbox_delivery d WHERE d.bucket = c.bucket AND d.chunk_id = c.chunk_id)
"""


def record(
    connection: Connection,
    lanes: Sequence[LaneWork],
    holder: UUID,
    log: AttemptLog,
    attempts: Sequence[Attempt],
    now: datetime,
) -> tuple[list[LaneWork], verdicts.Tally]:
    """Write what has ended in the lanes, which the tally counts.

    Returns the lanes that another process has taken, too; of these nothing is written.

    Within a transaction. The caller tells the lanes that they are recorded once it stands.
    """
    kept = set(leases.LANES.keep(connection, [lane.key for lane in lanes], holder, now))
    progress = progress_of([lane for lane in lanes if lane.key in kept], now)
    _write_exceptions(connection, progress, now)
    _close_deliveries(connection, progress)
    log.write(connection, attempts)
    verdicts.write(connection, progress.tally)
    alerts.write(connection, progress.alerts)
    failpoint("delivery.before_record")
    return [lane for lane in lanes if lane.key not in kept], progress.tally


def _write_exceptions(connection: Connection, progress: Progress, now: datetime) -> None:
    columns = (*_EXCEPTION_KEY, *_EXCEPTION_REST)
    bulk.insert(connection, "delivery_exception", columns, progress.upserts, tail=_EXCEPTION_TAIL, key_width=4)
    if progress.deletes:
        connection.execute(_DELETE_EXCEPTIONS, _columns(progress.deletes))
    if progress.moved_on:
        connection.execute(_MOVE_ON, [now, *_columns(sorted(progress.moved_on))])


def _close_deliveries(connection: Connection, progress: Progress) -> None:
    finished = {_key(origin) for origin, _, is_finished in progress.advanced if is_finished}
    closed = _close(connection, finished, {_key(origin) for origin in progress.emptied})
    advanced = [
        (*_key(origin), done, is_finished)
        for origin, done, is_finished in progress.advanced
        if _key(origin) not in closed
    ]
    if advanced:
        connection.execute(_ADVANCE, _columns(advanced))
    _drop_chunks(connection, closed)


def close_emptied(connection: Connection, keys: set[DeliveryKey]) -> None:
    """Delete those of the deliveries of which nothing is left, and chunks that nobody needs any more."""
    _drop_chunks(connection, _close(connection, set(), keys))


def _close(connection: Connection, finished: set[DeliveryKey], emptied: set[DeliveryKey]) -> set[DeliveryKey]:
    """Delete deliveries of which nothing is left that could ever be sent; their keys."""
    rows = [(*key, key in finished) for key in finished | emptied]
    if not rows:
        return set()
    # Two who empty a delivery at once would each see what the other has just taken away: the later one waits here.
    bulk.lookup(connection, "outbox_delivery", _DELIVERY_KEY, finished | emptied, (), lock=True)
    closed: list[tuple[Any, ...]] = connection.execute(_CLOSE, [*_columns(rows), ItemState.WITHHELD, GONE]).fetchall()
    return {(bucket, output_id, chunk_id) for bucket, output_id, chunk_id in closed}


def _drop_chunks(connection: Connection, closed: set[DeliveryKey]) -> None:
    """Delete those of the deliveries' chunks that no delivery needs any more."""
    keys = {(bucket, chunk_id) for bucket, _, chunk_id in closed}
    if not keys:
        return
    # Two outputs that finish with a chunk at once would each see the other's delivery: the later one waits here.
    bulk.lookup(connection, "outbox_chunk", _CHUNK_KEY, keys, (), lock=True)
    connection.execute(_DROP_CHUNKS, _columns(sorted(keys)))


def _key(origin: Origin) -> DeliveryKey:
    return origin.bucket, origin.output_id, origin.chunk_id


def _columns(rows: Sequence[tuple[Any, ...]]) -> list[list[Any]]:
    return [list(column) for column in zip(*rows, strict=True)]
