"""What was accepted and did not become events, for people who look: the quarantine, and what was dropped lately."""

from collections import Counter
from dataclasses import dataclass
from datetime import datetime, timedelta

from cdp_project.kernel.buckets import bucket_of_number
from cdp_project.kernel.database import Connection
from cdp_project.workspaces.environment import Environment
from cdp_project.workspaces.models import Workspace
from events.metrics import OUTCOME, STORED

LATELY = timedelta(hours=24)


@dataclass(frozen=True, slots=True)
class NotStored:
    """Counts by reason (events.reasons): all quarantined batches, and events not stored of the last 24 hours."""

    quarantined_batches: dict[str, int]
    events_24h: dict[str, int]


# Counted by bucket first, so that every machine of many counts its own.
_QUARANTINED = "SELECT bucket, reason, count(*) FROM quarantine GROUP BY bucket, reason"
# Both levels in one statement: what moves from one to the other meanwhile is counted once.
_DROPPED = """
SELECT bucket, label, sum(count)::bigint FROM (
    SELECT bucket, label, count FROM rollup_partial
    WHERE metric = %(metric)s AND label <> %(stored)s AND hour > %(since)s
    UNION ALL
    SELECT r.bucket, r.label, r.count
    FROM unnest(%(buckets)s::smallint[], %(workspaces)s::bigint[]) AS w (bucket, workspace_id)
    JOIN rollup_hour r ON r.bucket = w.bucket AND r.workspace_id = w.workspace_id
    WHERE r.environment = ANY(%(environments)s) AND r.metric = %(metric)s AND r.label <> %(stored)s
      AND r.hour > %(since)s
) AS counted GROUP BY bucket, label HAVING sum(count) <> 0
"""


def not_stored(connection: Connection, now: datetime) -> NotStored:
    """Over all workspaces. Reads the whole quarantine: for a person who asks, not for a loop."""
    quarantined = connection.execute(_QUARANTINED).fetchall()
    dropped = connection.execute(_DROPPED, _lately(now)).fetchall()
    return NotStored(_counts(quarantined), _counts(dropped))


def _lately(now: datetime) -> dict[str, object]:
    workspaces = list(Workspace.objects.values_list("pk", flat=True))
    return {
        "metric": OUTCOME,
        "stored": STORED,
        "since": now - LATELY,
        "buckets": [bucket_of_number(each) for each in workspaces],
        "workspaces": workspaces,
        "environments": [int(each) for each in Environment],
    }


def _counts(rows: list[tuple[object, ...]]) -> dict[str, int]:
    counts: Counter[str] = Counter()
    for _bucket, reason, count in rows:
        counts[str(reason)] += int(str(count))
    return dict(sorted(counts.items()))
