"""What was accepted and did not become events, for people who look: the quarantine, and what was dropped lately."""

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


_QUARANTINED = "SELECT reason, count(*) FROM quarantine GROUP BY reason ORDER BY reason"
_DROPPED = """
SELECT label, sum(count)::bigint FROM rollup_partial
WHERE metric = %s AND label <> %s AND hour > %s GROUP BY label ORDER BY label
"""


def not_stored(connection: Connection, now: datetime) -> NotStored:
    """Over all workspaces. Reads the whole quarantine: for a person who asks, not for a loop."""
    quarantined = connection.execute(_QUARANTINED).fetchall()
    dropped = connection.execute(_DROPPED, (OUTCOME, STORED, now - LATELY)).fetchall()
    return NotStored(_counts(quarantined), _counts(dropped))


def _counts(rows: list[tuple[object, ...]]) -> dict[str, int]:
    return {str(reason): int(str(count)) for reason, count in rows}
