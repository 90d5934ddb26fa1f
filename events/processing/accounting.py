"""The books of a chunk: what became of every accepted event, the quarantine, the hourly roll-ups, the live pages."""

from collections import Counter
from collections.abc import Iterable
from datetime import datetime

from cdp_project.kernel import bulk, rollups
from cdp_project.kernel.outcome import Quarantine
from cdp_project.kernel.rollups import Rollup
from events.metrics import OUTCOME
from events.pipeline import Accepted, Chunk, Context, metric_key
from events.processing import duplicates, live_rows
from events.processing.unpack import Refused

_QUARANTINE_COLUMNS = (
    "bucket",
    "batch_id",
    "workspace_id",
    "input_id",
    "environment",
    "protocol",
    "is_historical",
    "accept_seq",
    "received_at",
    "event_count",
    "encoding",
    "body",
    "reason",
    "detail",
    "quarantined_at",
)
HOURLY = Rollup(
    "rollup_partial",
    "rollup_hour",
    ("workspace_id", "environment", "input_id", "hour", "metric", "label"),
    owner="workspace_id",
)
"""Counts by hour of reception (see events.metrics)."""


def close_books(chunk: Chunk, refused: list[Refused]) -> None:
    """Count what was stopped, keep what was quarantined, write the metrics; then tell pages. Within the transaction."""
    for context in chunk.contexts:
        _count_stopped(chunk, context)
    stopped = [(c.accepted, c.outcome) for c in chunk.contexts if isinstance(c.outcome, Quarantine)]
    for row, outcome in refused:
        chunk.metrics[metric_key(row, OUTCOME, outcome.reason)] += row.event_count
    put_aside(chunk, refused + stopped)
    _give_back_ids(chunk)
    write_rollups(chunk)
    live_rows.publish_after_commit(chunk, refused)


def _give_back_ids(chunk: Chunk) -> None:
    """What was put aside has not come yet: when it is processed again, or sent again, it is no repeat of itself."""
    stopped = (context for context in chunk.contexts if isinstance(context.outcome, Quarantine))
    duplicates.give_back(chunk.transaction, chunk.now, [each for context in stopped for each in context.claimed])


def _count_stopped(chunk: Chunk, context: Context) -> None:
    if context.outcome is not None:
        chunk.count(context, OUTCOME, context.outcome.reason, len(context.items))
        return
    reasons = Counter(item.outcome.reason for item in context.items if item.outcome is not None)
    for reason, count in reasons.items():
        chunk.count(context, OUTCOME, reason, count)


def put_aside(chunk: Chunk, refused: Iterable[Refused]) -> None:
    """Write these batches, whole, into the quarantine."""
    rows = [_quarantine_row(row, outcome, chunk.now) for row, outcome in refused]
    bulk.insert(chunk.transaction, "quarantine", _QUARANTINE_COLUMNS, rows, key_width=2)


def _quarantine_row(row: Accepted, outcome: Quarantine, now: datetime) -> tuple[object, ...]:
    return (
        row.bucket,
        row.batch_id,
        row.workspace_id,
        row.input_id,
        int(row.environment),
        row.protocol,
        row.is_historical,
        row.accept_seq,
        row.received_at,
        row.event_count,
        row.encoding,
        row.body,
        outcome.reason,
        outcome.detail,
        now,
    )


def write_rollups(chunk: Chunk) -> None:
    """Add the chunk's counts to the lane's partial rows."""
    rows = [(chunk.bucket, *key, count) for key, count in chunk.metrics.items() if count]
    rollups.add(chunk.transaction, HOURLY, rows)
