"""Try at once what waits for its next try: a partner that is healed need not be left alone for hours.

Nothing is counted anew: the items were waiting, and wait with the same first failure and the same attempts.
"""

from datetime import datetime

from cdp_project.kernel.database import Connection
from connections.choosing import Selection, Taken, choose

# Who asks for one of a person's events means what is before it too: they go out in order, and some in one request.
_HURRY = """
WITH people AS (
    SELECT DISTINCT d.bucket, d.output_id, d.mpid
    FROM unnest(%(buckets)s::smallint[], %(outputs)s::bigint[], %(chunks)s::uuid[], %(positions)s::int[])
         AS k (bucket, output_id, chunk_id, position)
    JOIN delivery_exception d ON d.bucket = k.bucket AND d.output_id = k.output_id AND d.chunk_id = k.chunk_id
         AND d.position = k.position),
theirs AS MATERIALIZED (
    SELECT r.bucket, r.output_id, r.chunk_id, r.position
    FROM people p JOIN delivery_exception r ON r.bucket = p.bucket AND r.output_id = p.output_id AND r.mpid = p.mpid
    WHERE r.state = 1 AND r.next_at > %(now)s
    ORDER BY r.bucket, r.output_id, r.chunk_id, r.position FOR UPDATE OF r)
UPDATE delivery_exception e SET next_at = %(now)s FROM theirs k
WHERE e.bucket = k.bucket AND e.output_id = k.output_id AND e.chunk_id = k.chunk_id AND e.position = k.position
"""


def hurry(connection: Connection, selection: Selection, now: datetime) -> Taken:
    """Make items that are tried again later due now. Within a transaction; wake deliveries after it."""
    items, is_more = choose(connection, selection, now)
    if not items:
        return Taken(0, is_more)
    names = ("buckets", "outputs", "chunks", "positions")
    columns = dict(zip(names, (list(column) for column in zip(*items, strict=True)), strict=True))
    hurried = connection.execute(_HURRY, {"now": now, **columns})
    return Taken(hurried.rowcount, is_more)
