"""What waits in each lane, for people who look."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from cdp_project.kernel.database import Connection


@dataclass(frozen=True, slots=True)
class LaneState:
    """One lane. `oldest_at` is when its oldest waiting batch was accepted; a lease that ran out is no lease."""

    bucket: int
    batches: int
    events: int
    oldest_at: datetime | None
    leased_until: datetime | None
    halted_at: datetime | None
    halted_reason: str

    def oldest_age_s(self, now: datetime) -> float | None:
        """Seconds that the oldest batch has waited."""
        return None if self.oldest_at is None else max(0.0, (now - self.oldest_at).total_seconds())


_LANES = """
SELECT coalesce(l.bucket, w.bucket), coalesce(w.batches, 0), coalesce(w.events, 0), w.oldest_at,
       CASE WHEN l.leased_until > %s THEN l.leased_until END, l.halted_at, coalesce(l.halted_reason, '')
FROM lane l
FULL JOIN (SELECT bucket, count(*) AS batches, sum(event_count) AS events, min(received_at) AS oldest_at
           FROM inbox GROUP BY bucket) w ON w.bucket = l.bucket
ORDER BY 1
"""


def lane_states(connection: Connection, now: datetime) -> list[LaneState]:
    """All lanes, by bucket. Reads the whole inbox: for a person who asks, not for a loop."""
    rows: list[tuple[Any, ...]] = connection.execute(_LANES, (now,)).fetchall()
    return [LaneState(*row) for row in rows]
