"""Batches in quarantine: back into the inbox to be processed again, or discarded; each exactly once.

Rows and counts move in one transaction, so that accepted = waiting + duplicate + quarantined + dropped + stored holds
at any moment. A batch that goes again keeps its id and its lane and may end in quarantine again.
"""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from cdp_project.kernel import bulk, rollups
from cdp_project.kernel.buckets import bucket_of_id
from cdp_project.kernel.database import Connection
from cdp_project.kernel.outcome import Quarantine
from cdp_project.workspaces.environment import Environment
from events.intake import inbox
from events.intake.inbox import AcceptSequence, NewBatch
from events.metrics import OUTCOME
from events.pipeline import Accepted, metric_key
from events.processing.accounting import HOURLY
from events.processing.unpack import Refused
from events.reasons import DISCARDED

# What one call moves: its bodies are in memory at once.
BATCHES_MOST, BYTES_MOST = 1000, 32_000_000

_CHOSEN = """
SELECT bucket, batch_id, bytes_before < %(bytes)s FROM (
    SELECT bucket, batch_id, sum(octet_length(body)) OVER so_far - octet_length(body) AS bytes_before
    FROM (SELECT q.* FROM {rows}
          WHERE workspace_id = %(workspace)s AND environment = %(environment)s
            AND (%(reason)s::text IS NULL OR reason = %(reason)s)
            AND (%(input)s::bigint IS NULL OR input_id = %(input)s)
          ORDER BY quarantined_at, q.batch_id LIMIT %(batches)s) AS oldest
    WINDOW so_far AS (ORDER BY quarantined_at, batch_id ROWS UNBOUNDED PRECEDING)
) AS chosen
"""
_OF_ALL = _CHOSEN.format(rows="quarantine q")
# An id carries the bucket of its row, so that each is one look by the key.
_OF_GIVEN = _CHOSEN.format(
    rows="""unnest(%(buckets)s::smallint[], %(ids)s::uuid[]) AS k (bucket, batch_id)
          JOIN quarantine q ON q.bucket = k.bucket AND q.batch_id = k.batch_id"""
)
_DELETE = """
DELETE FROM quarantine q USING unnest(%s::smallint[], %s::uuid[]) AS k (bucket, batch_id)
WHERE q.bucket = k.bucket AND q.batch_id = k.batch_id
"""
_KEY = ("bucket", "batch_id")
_COLUMNS = (
    "reason",
    "environment",
    "accept_seq",
    "workspace_id",
    "input_id",
    "protocol",
    "is_historical",
    "received_at",
    "event_count",
    "encoding",
    "body",
)

Key = tuple[int, UUID]
"""Bucket and batch id."""


@dataclass(frozen=True, slots=True)
class Selection:
    """Which batches of a workspace are meant; None means: whatever it is."""

    workspace_id: int
    environment: Environment
    reason: str | None = None
    input_id: int | None = None
    batch_ids: Sequence[UUID] | None = None


@dataclass(frozen=True, slots=True)
class Moved:
    """What was moved, and whether more of the selection is left for another call."""

    batches: int = 0
    events: int = 0
    is_more: bool = False


def retry(connection: Connection, selection: Selection, now: datetime) -> Moved:
    """Put batches back into the inbox, the oldest first. Within a transaction; wake the pipeline after it.

    Raises psycopg.errors.UniqueViolation when another process drew the same numbers at the same moment: do it again.
    """
    keys, is_more = _choose(connection, selection)
    taken = _take(connection, keys)
    inbox.insert(connection, [_waiting(row) for row, _ in taken], AcceptSequence(), now)
    _move_counts(connection, taken, None)
    return _moved(taken, is_more=is_more)


def discard(connection: Connection, selection: Selection) -> Moved:
    """Delete batches for good, the oldest first; their events count as discarded from now on. Within a transaction."""
    keys, is_more = _choose(connection, selection)
    taken = _take(connection, keys)
    _move_counts(connection, taken, DISCARDED)
    return _moved(taken, is_more=is_more)


def _choose(connection: Connection, selection: Selection) -> tuple[list[Key], bool]:
    statement, parameters = _asking(selection)
    found: list[tuple[Any, ...]] = connection.execute(statement, parameters).fetchall()
    keys = [(bucket, batch_id) for bucket, batch_id, fits in found if fits][:BATCHES_MOST]
    return keys, len(keys) < len(found)


def _asking(selection: Selection) -> tuple[str, dict[str, Any]]:
    parameters: dict[str, Any] = {
        "workspace": selection.workspace_id,
        "environment": int(selection.environment),
        "reason": selection.reason,
        "input": selection.input_id,
        "batches": BATCHES_MOST + 1,
        "bytes": BYTES_MOST,
    }
    if selection.batch_ids is None:
        return _OF_ALL, parameters
    ids = list(set(selection.batch_ids))
    return _OF_GIVEN, parameters | {"ids": ids, "buckets": [bucket_of_id(each) for each in ids]}


def _take(connection: Connection, keys: Sequence[Key]) -> list[Refused]:
    """Remove those of the rows that are still there: of two who want one, the second waits here and finds none."""
    found = bulk.lookup(connection, "quarantine", _KEY, keys, _COLUMNS, lock=True)
    if found:
        connection.execute(_DELETE, [list(column) for column in zip(*(key for key, _ in found), strict=True)])
    return sorted((_refused(key, values) for key, values in found), key=lambda refused: refused[0].accept_seq)


def _refused(key: tuple[Any, ...], values: tuple[Any, ...]) -> Refused:
    columns = dict(zip(_COLUMNS, values, strict=True))
    reason = columns.pop("reason")
    columns |= {"environment": Environment(columns["environment"]), "body": bytes(columns["body"])}
    return Accepted(bucket=key[0], batch_id=key[1], **columns), Quarantine(reason)


def _waiting(row: Accepted) -> NewBatch:
    return NewBatch(**{name: getattr(row, name) for name in NewBatch.__struct_fields__})


def _move_counts(connection: Connection, taken: Sequence[Refused], to_reason: str | None) -> None:
    """Take the events back from what they counted as, in the lanes' own partial rows of the hours of reception."""
    counts: Counter[tuple[Any, ...]] = Counter()
    for row, outcome in taken:
        counts[row.bucket, *metric_key(row, OUTCOME, outcome.reason)] -= row.event_count
        if to_reason is not None:
            counts[row.bucket, *metric_key(row, OUTCOME, to_reason)] += row.event_count
    rollups.add(connection, HOURLY, [(*key, count) for key, count in counts.items() if count])


def _moved(taken: Sequence[Refused], *, is_more: bool) -> Moved:
    return Moved(len(taken), sum(row.event_count for row, _ in taken), is_more)
