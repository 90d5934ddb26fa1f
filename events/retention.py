"""Which partitions must exist soon, and which have lived long enough."""

from datetime import datetime, timedelta

from django.conf import settings

from cdp_project.kernel import clock, partitions
from cdp_project.kernel.database import Connection
from events.processing import duplicates
from events.processing.storage import DAY_TABLES, GENERATION_TABLE

DAYS_AHEAD = 2


def make_days_ahead(connection: Connection, now: datetime) -> None:
    """Today and the next days of every table that is partitioned by day."""
    days = [clock.day_of(now) + timedelta(days=ahead) for ahead in range(DAYS_AHEAD + 1)]
    for table in partitions.tables_by_day(connection):
        partitions.make_days(connection, table, days)


def drop_old(connection: Connection, now: datetime) -> list[str]:
    """Drop days of events beyond the retention time and generations that are looked at no more; their names."""
    old = [(table, name) for table in DAY_TABLES for name in _below(connection, table, _oldest_day(table, now))]
    old += [(GENERATION_TABLE, name) for name in _below(connection, GENERATION_TABLE, _oldest_generation(now))]
    for table, name in old:
        partitions.drop_partition(connection, table, name)
    return [name for _, name in old]


def _oldest_day(table: str, now: datetime) -> str:
    kept = timedelta(days=settings.CDP_EVENT_RETENTION_DAYS)
    return partitions.day_partition(table, clock.day_of(now - kept))


def _oldest_generation(now: datetime) -> str:
    oldest = duplicates.generation_of(now - duplicates.BORDER) - duplicates.KEPT + 1
    return partitions.list_partition(GENERATION_TABLE, oldest)


def _below(connection: Connection, table: str, oldest: str) -> list[str]:
    """Partitions before `oldest`; their names end in numbers, so they are compared by these."""
    names = {*partitions.partitions_of(connection, table), *partitions.left_behind(connection, table)}
    return sorted(name for name in names if _number(name) < _number(oldest))


def _number(name: str) -> int:
    return int(name.rpartition("_")[2])
