"""Counters: how many events of a connection wait, were delivered, withheld or failed.

Waiting is a sum over several rows: the pipeline only ever adds under the reason "", and deliveries take away
under `MOVED`, so that the two never wait for the same row.
"""

from collections import Counter

from cdp_project.kernel import clock, rollups
from cdp_project.kernel.database import Connection
from cdp_project.kernel.rollups import Rollup

WAITING, DELIVERED, WITHHELD, FAILED = "waiting", "delivered", "withheld", "failed"
MOVED = "moved"
HOUR_MS = 3_600_000
# The report by event hour leaves out what came later than this (reference EV 59), and clocks that run ahead.
LATE_MOST_MS, EARLY_MOST_MS = 72 * HOUR_MS, 24 * HOUR_MS
OUTSIDE_MS = 0

ROLLUP = Rollup(
    "verdict_partial",
    "verdict_hour",
    ("connection_id", "environment", "hour", "state", "reason"),
    owner="connection_id",
)
"""Counts by the events' hour."""

Tally = Counter[tuple[int, int, int, int, str, str]]
"""Counts by bucket, connection, environment, hour (Unix milliseconds), state and reason."""


def report_hour_ms(occurred_at_ms: int, received_at_ms: int) -> int:
    """Hour that an event is reported in: its own, or the epoch's for one that no report shows.

    So wild clocks make no rows of their own, and the sums over all hours still hold.
    """
    if not -EARLY_MOST_MS <= received_at_ms - occurred_at_ms <= LATE_MOST_MS:
        return OUTSIDE_MS
    return occurred_at_ms - occurred_at_ms % HOUR_MS


def write(connection: Connection, tally: Tally) -> None:
    """Add the counts to the rows. Within the transaction that makes them true."""
    rows = [
        (bucket, connection_id, environment, clock.from_milliseconds(hour_ms), state, reason, count)
        for (bucket, connection_id, environment, hour_ms, state, reason), count in tally.items()
        if count
    ]
    rollups.add(connection, ROLLUP, rows)
