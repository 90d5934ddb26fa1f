"""Waiting batches of some lanes: read without taking, then take exactly what was read."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from math import ceil
from typing import Any

from cdp_project.kernel.database import Connection
from cdp_project.workspaces.environment import Environment
from events.pipeline import Accepted

CHUNK_EVENTS_MOST = 4000
CHUNK_BATCHES_MOST = 4000
CHUNK_BYTES_MOST = 32_000_000

# The sums end a lane's share before the batch that would overflow it; bodies that do not fit are never fetched.
_READ = """
SELECT part.bucket, accept_seq, batch_id, workspace_id, input_id, environment, protocol, is_historical, received_at,
       event_count, encoding, body
FROM unnest(%(buckets)s::smallint[], %(firsts)s::bigint[]) AS k (bucket, first)
CROSS JOIN LATERAL (
    SELECT *, sum(event_count) OVER so_far AS events, sum(octet_length(body)) OVER so_far AS bytes
    FROM inbox i WHERE i.bucket = k.bucket AND i.accept_seq >= k.first
    WINDOW so_far AS (ORDER BY accept_seq ROWS UNBOUNDED PRECEDING)
    ORDER BY accept_seq LIMIT %(batches)s) AS part
WHERE events - event_count < %(events)s AND bytes - octet_length(body) < %(bytes)s
ORDER BY accept_seq
"""
_ENVIRONMENT = 5  # its place among the columns
_ENVIRONMENTS = {member.value: member for member in Environment}


_TAKE = "DELETE FROM inbox WHERE bucket = %s AND accept_seq = ANY(%s::bigint[])"


class Overtaken(Exception):
    """Another process has the lane or some of its batches; whoever meets this rolls back and reads again."""


def read(connection: Connection, first_seqs: Mapping[int, int]) -> list[Accepted]:
    """What waits in the lanes from these sequences on, in order of acceptance, as much as makes one chunk.

    `first_seqs` maps buckets; each lane has an equal share of the chunk.
    """
    lanes = len(first_seqs)
    parameters = {
        "buckets": list(first_seqs),
        "firsts": list(first_seqs.values()),
        "batches": ceil(CHUNK_BATCHES_MOST / lanes),
        "events": ceil(CHUNK_EVENTS_MOST / lanes),
        "bytes": ceil(CHUNK_BYTES_MOST / lanes),
    }
    rows: list[tuple[Any, ...]] = connection.execute(_READ, parameters, binary=True).fetchall()
    return [_accepted(*row) for row in rows]


def _accepted(*columns: Any) -> Accepted:
    values = list(columns)
    values[_ENVIRONMENT] = _ENVIRONMENTS[values[_ENVIRONMENT]]
    return Accepted(*values)


def take(connection: Connection, rows: Sequence[Accepted]) -> None:
    """Within the transaction: remove exactly these rows. Overtaken when one is gone already."""
    by_lane: defaultdict[int, list[str]] = defaultdict(list)
    for row in rows:
        by_lane[row.bucket].append(str(row.accept_seq))
    # A statement for each lane: over many at once the planner may come to read the whole inbox.
    for bucket, sequences in by_lane.items():
        taken = connection.execute(_TAKE, (bucket, "{" + ",".join(sequences) + "}"))
        if taken.rowcount != len(sequences):
            raise Overtaken(f"lane {bucket}")
