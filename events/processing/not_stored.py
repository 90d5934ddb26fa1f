"""What was accepted and did not become events, for people who look: the quarantine, and what was dropped lately."""

from collections import Counter
from dataclasses import dataclass
from datetime import datetime, timedelta

from cdp_project.kernel.database import Connection
from events.metrics import OUTCOME, STORED

LATELY = timedelta(hours=24)


@dataclass(frozen=True, slots=True)
class NotStored:
    """Counts by reason (events.reasons): all quarantined batches, and events not stored of the last 24 hours."""

    quarantined_batches: dict[str, int]
    events_24h: dict[str, int]


# Counted by bucket first, so that every machine of many counts its own.
_QUARANTINED = "SELECT bucket, reason, count(*) FROM quarantine GROUP BY bucket, reason"
_DROPPED = """
SELECT bucket, label, sum(count)::bigint FROM rollup_partial
WHERE metric = %s AND label <> %s AND hour > %s GROUP BY bucket, label
"""


def not_stored(connection: Connection, now: datetime) -> NotStored:
    """Over all workspaces. Reads the whole quarantine: for a person who asks, not for a loop."""
    quarantined = connection.execute(_QUARANTINED).fetchall()
    dropped = connection.execute(_DROPPED, (OUTCOME, STORED, now - LATELY)).fetchall()
    return NotStored(_counts(quarantined), _counts(dropped))


def _counts(rows: list[tuple[object, ...]]) -> dict[str, int]:
    counts: Counter[str] = Counter()
    for _bucket, reason, count in rows:
        counts[str(reason)] += int(str(count))
    return dict(sorted(counts.items()))
