"""What waits between intake and processing. For /metrics."""

from collections.abc import Iterator
from datetime import datetime
from typing import Any

from cdp_project.kernel.database import Connection
from cdp_project.kernel.samples import Samples
from events.intake.inbox import accepted_at

# More than this of a lane is not counted, only told as so many.
ROWS_MOST = 20_000

_LANES = """
SELECT l.bucket, l.halted_at IS NOT NULL, oldest.accept_seq, coalesce(waiting.count, 0), coalesce(waiting.events, 0)
FROM lane l
LEFT JOIN LATERAL (
    SELECT accept_seq FROM inbox i WHERE i.bucket = l.bucket AND i.accept_seq >= l.low_water
    ORDER BY accept_seq LIMIT 1) AS oldest ON true
LEFT JOIN LATERAL (
    SELECT count(*) AS count, sum(event_count) AS events FROM (
        SELECT event_count FROM inbox i WHERE i.bucket = l.bucket AND i.accept_seq >= l.low_water
        ORDER BY accept_seq LIMIT %s) AS first) AS waiting ON true
ORDER BY l.bucket
"""


def read(connection: Connection, now: datetime) -> Iterator[Samples]:
    """Figures at the moment. One look along an index a lane, and no more than 20,000 rows of each."""
    rows: list[tuple[Any, ...]] = connection.execute(_LANES, (ROWS_MOST,)).fetchall()
    yield Samples(
        "tributary_lane_oldest_waiting_seconds",
        "Age of the batch that waits longest in a lane; 0 when nothing waits.",
        ("lane",),
        [((str(bucket),), _age_s(oldest, now)) for bucket, _, oldest, _, _ in rows],
    )
    yield Samples(
        "tributary_lane_waiting_batches",
        f"Accepted batches that wait for processing in a lane; {ROWS_MOST} stands for that many or more.",
        ("lane",),
        [((str(bucket),), count) for bucket, _, _, count, _ in rows],
    )
    yield Samples(
        "tributary_lane_waiting_events",
        "Events in the batches counted above.",
        ("lane",),
        [((str(bucket),), float(events)) for bucket, _, _, _, events in rows],
    )
    yield Samples(
        "tributary_lane_halted",
        "1 when a lane waits for somebody to resume it.",
        ("lane",),
        [((str(bucket),), float(is_halted)) for bucket, is_halted, _, _, _ in rows],
    )


def _age_s(seq: int | None, now: datetime) -> float:
    return 0.0 if seq is None else max(0.0, (now - accepted_at(seq)).total_seconds())
