"""Waiting batches of a lane: read without taking, then take exactly what was read."""

from collections.abc import Sequence
from typing import Any

from cdp_project.kernel.database import Connection
from cdp_project.workspaces.environment import Environment
from events.pipeline import Accepted

CHUNK_EVENTS_MOST = 4000
CHUNK_BATCHES_MOST = 4000
CHUNK_BYTES_MOST = 32_000_000

# The sums end the chunk before the batch that would overflow it; bodies that do not fit are never fetched.
_READ = """
SELECT bucket, accept_seq, batch_id, workspace_id, input_id, environment, protocol, is_historical, received_at,
       event_count, encoding, body
FROM (SELECT *, sum(event_count) OVER so_far AS events, sum(octet_length(body)) OVER so_far AS bytes
      FROM inbox WHERE bucket = %(bucket)s AND accept_seq >= %(first)s
      WINDOW so_far AS (ORDER BY accept_seq ROWS UNBOUNDED PRECEDING)
      ORDER BY accept_seq LIMIT %(batches)s) AS part
WHERE events - event_count < %(events)s AND bytes - octet_length(body) < %(bytes)s
ORDER BY accept_seq
"""
_ENVIRONMENT = 5  # its place among the columns
_ENVIRONMENTS = {member.value: member for member in Environment}


class Overtaken(Exception):
    """Another process has the lane or some of its batches; whoever meets this rolls back and reads again."""


def read(connection: Connection, bucket: int, first_seq: int) -> list[Accepted]:
    """What waits in the lane from `first_seq` on, in order of acceptance, as much as makes one chunk."""
    parameters = {
        "bucket": bucket,
        "first": first_seq,
        "batches": CHUNK_BATCHES_MOST,
        "events": CHUNK_EVENTS_MOST,
        "bytes": CHUNK_BYTES_MOST,
    }
    rows: list[tuple[Any, ...]] = connection.execute(_READ, parameters, binary=True).fetchall()
    return [_accepted(*row) for row in rows]


def _accepted(*columns: Any) -> Accepted:
    values = list(columns)
    values[_ENVIRONMENT] = _ENVIRONMENTS[values[_ENVIRONMENT]]
    return Accepted(*values)


def take(connection: Connection, rows: Sequence[Accepted]) -> None:
    """Within the transaction: remove exactly these rows of one lane. Overtaken when one is gone already."""
    sequences = "{" + ",".join([str(row.accept_seq) for row in rows]) + "}"
    cursor = connection.execute(
        "DELETE FROM inbox WHERE bucket = %s AND accept_seq = ANY(%s::bigint[])", (rows[0].bucket, sequences)
    )
    if cursor.rowcount != len(rows):
        raise Overtaken(f"lane {rows[0].bucket}")
