"""Partitions that processing writes into: made here when they are missing, so that no chore can be too late."""

from datetime import date

from cdp_project.kernel import partitions
from cdp_project.kernel.database import Connection
from events.processing import duplicates

DAY_TABLES = ("event", "batch")
GENERATION_TABLE = "seen"


class Storage:
    """Makes partitions and remembers which there are, for one process."""

    def __init__(self) -> None:
        self._days: set[date] = set()
        self._generations: set[int] = set()

    def ensure(self, connection: Connection, days: set[date], generations: set[int]) -> None:
        """Make what is missing. `connection` is outside any transaction."""
        if new_days := days - self._days:
            for table in DAY_TABLES:
                partitions.make_days(connection, table, sorted(new_days))
            self._days |= new_days
        for generation in sorted(generations - self._generations):
            partitions.make_list_value(connection, GENERATION_TABLE, generation)
            self._generations.add(generation)
            duplicates.older.forget()

    def forget(self) -> None:
        """Look again next time: somebody dropped a partition."""
        self._days.clear()
        self._generations.clear()
