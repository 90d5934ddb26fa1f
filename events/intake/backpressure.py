"""Whether intake must stop because what follows cannot keep up: looked at once a second in each process."""

import shutil
import threading
import time
from datetime import datetime, timedelta

import psycopg
from django.conf import settings

from cdp_project.kernel.database import Connection, SteadyConnection
from events.intake.inbox import accepted_at
from events.intake.lane_key import lane_buckets

LOOK_EVERY_S = 1.0

# One index look-up a lane. `low_water` keeps it from walking over rows that were deleted long ago.
# A halted lane waits for a person: refusing everybody's batches would not make it shorter.
_OLDEST = """
SELECT min(oldest.accept_seq)
FROM unnest(%s::smallint[]) AS own (bucket)
LEFT JOIN lane ON lane.bucket = own.bucket
CROSS JOIN LATERAL (
    SELECT inbox.accept_seq FROM inbox
    WHERE inbox.bucket = own.bucket AND inbox.accept_seq >= coalesce(lane.low_water, 0)
    ORDER BY inbox.accept_seq LIMIT 1
) AS oldest
WHERE lane.halted_at IS NULL
"""


def oldest_waiting(connection: Connection) -> datetime | None:
    """When the batch was accepted that waits longest; None when nothing waits. Without halted lanes."""
    row = connection.execute(_OLDEST, (lane_buckets(settings.CDP_LANES),)).fetchone()
    return accepted_at(int(str(row[0]))) if row is not None and row[0] is not None else None


def backlog_problem(oldest: datetime | None, now: datetime) -> str | None:
    """A sentence when processing is too far behind to take more."""
    if oldest is None or now - oldest <= timedelta(seconds=settings.CDP_BACKLOG_MAX_AGE_S):
        return None
    minutes = (now - oldest) // timedelta(minutes=1)
    return f"Processing is {minutes} minutes behind; nothing more is taken until it has caught up."


def disk_problem() -> str | None:
    """A sentence when the disk of the data folder is nearly full."""
    folder = next(each for each in (settings.VAR_DIR, *settings.VAR_DIR.parents) if each.exists())
    free_mb = shutil.disk_usage(folder).free // 1_000_000
    if free_mb >= settings.CDP_DISK_FREE_LEAST_MB:
        return None
    return f"The disk has {free_mb} MB left; nothing more is taken below {settings.CDP_DISK_FREE_LEAST_MB} MB."


class Backpressure:
    """What was seen last, in `seen`; one of the calling threads looks again when a second has passed."""

    def __init__(self) -> None:
        self.seen: str | None = None
        self._looked_at = float("-inf")
        self._looking = threading.Lock()
        self._connection = SteadyConnection(autocommit=True, name="tributary backpressure")

    def problem(self, now: datetime) -> str | None:
        """Why nothing may be taken at the moment; None when all is well."""
        if self.is_due() and self._looking.acquire(blocking=False):
            try:
                self.seen = disk_problem() or self._backlog_problem(now)
                self._looked_at = time.monotonic()
            finally:
                self._looking.release()
        return self.seen

    def is_due(self) -> bool:
        """Nobody looked within the last second. Never blocks."""
        return time.monotonic() - self._looked_at >= LOOK_EVERY_S

    def _backlog_problem(self, now: datetime) -> str | None:
        try:
            return backlog_problem(oldest_waiting(self._connection.get()), now)
        except psycopg.Error:
            # The store itself will say that it is away.
            self._connection.drop()
            return None

    def forget(self) -> None:
        """Look again at the next call, over a new connection."""
        with self._looking:
            self._looked_at = float("-inf")
            self.seen = None
            self._connection.drop()
