"""Who was active by day and input: merging what chunks wrote, and counting over days and inputs."""

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date
from typing import Any

from django.db import connection as django_connection
from pyroaring import BitMap

from cdp_project.kernel import bulk
from cdp_project.kernel.buckets import bucket_of_number
from cdp_project.kernel.database import Connection
from cdp_project.kernel.used_buckets import used_buckets
from cdp_project.workspaces.environment import Environment

# A transaction merges no more than this.
ROWS_MOST = 5000

_KEY = ("bucket", "workspace_id", "environment", "day", "input_id")
_COLUMNS = (*_KEY, "people")
_REPLACE = f"ON CONFLICT ({', '.join(_KEY)}) DO UPDATE SET people = EXCLUDED.people"
# Rows that another merger has in its hands are left to it.
_TAKE = """
WITH taken AS MATERIALIZED (
    SELECT part_id FROM active_partial WHERE bucket = %(bucket)s
    ORDER BY part_id LIMIT %(most)s FOR UPDATE SKIP LOCKED)
DELETE FROM active_partial p USING taken WHERE p.bucket = %(bucket)s AND p.part_id = taken.part_id
RETURNING p.workspace_id, p.environment, p.day, p.input_id, p.people
"""
# Both levels in one statement: what is merged meanwhile is seen in one of them.
_READ = """
SELECT bucket, input_id, day, people FROM active_day
WHERE bucket = %(bucket)s AND workspace_id = %(workspace)s AND environment = %(environment)s
  AND day BETWEEN %(first)s AND %(last)s
UNION ALL
SELECT bucket, input_id, day, people FROM active_partial
WHERE workspace_id = %(workspace)s AND environment = %(environment)s AND day BETWEEN %(first)s AND %(last)s
"""


def merge(connection: Connection) -> int:
    """Merge the rows of chunks into their days; how many there were. `connection` is in autocommit mode."""
    merged = 0
    for bucket in used_buckets(connection, "active_partial"):
        while found := _merge_some(connection, bucket):
            merged += found
    return merged


def _merge_some(connection: Connection, bucket: int) -> int:
    with connection.transaction():
        rows: list[tuple[Any, ...]] = connection.execute(_TAKE, {"bucket": bucket, "most": ROWS_MOST}).fetchall()
        parts: defaultdict[bulk.Key, list[BitMap]] = defaultdict(list)
        for workspace_id, environment, day, input_id, people in rows:
            key = (bucket_of_number(workspace_id), workspace_id, environment, day, input_id)
            parts[key].append(BitMap.deserialize(people))
        _add(connection, {key: BitMap.union(*found) for key, found in parts.items()})
    return len(rows)


def _add(connection: Connection, found: dict[bulk.Key, BitMap]) -> None:
    """To rows that are there, so that they can be locked: two mergers add one after the other."""
    nobody = BitMap().serialize()
    empty = [(*key, nobody) for key in found]
    bulk.insert(connection, "active_day", _COLUMNS, empty, tail="ON CONFLICT DO NOTHING", key_width=len(_KEY))
    before = bulk.lookup(connection, "active_day", _KEY, found, ["people"], lock=True)
    rows = [(*key, (BitMap.deserialize(people) | found[key]).serialize()) for key, (people,) in before]
    bulk.insert(connection, "active_day", _COLUMNS, rows, tail=_REPLACE, key_width=len(_KEY))


Part = tuple[int, date, BitMap]
"""Input, day, and numbers of people; an input and day may come in several parts."""


@dataclass(frozen=True, slots=True)
class Active:
    """Distinct people: in all, by input over all days, by day over all inputs."""

    total: int
    by_input: dict[int, int]
    by_day: dict[date, int]


def active_people(workspace_id: int, environment: Environment, first: date, last: date) -> Active:
    """Who was active from `first` to `last`, both included: UTC days of acceptance."""
    parameters: dict[str, int | date] = {
        "bucket": bucket_of_number(workspace_id),
        "workspace": workspace_id,
        "environment": int(environment),
        "first": first,
        "last": last,
    }
    with django_connection.cursor() as cursor:
        cursor.execute(_READ, parameters)
        rows = cursor.fetchall()
    return count((input_id, day, BitMap.deserialize(bytes(people))) for _, input_id, day, people in rows)


def count(parts: Iterable[Part]) -> Active:
    """Distinct people of these parts. Pure."""
    inputs: defaultdict[int, BitMap] = defaultdict(BitMap)
    days: defaultdict[date, BitMap] = defaultdict(BitMap)
    for input_id, day, people in parts:
        inputs[input_id] |= people
        days[day] |= people
    return Active(
        total=len(BitMap.union(*days.values())) if days else 0,
        by_input={key: len(people) for key, people in sorted(inputs.items())},
        by_day={key: len(people) for key, people in sorted(days.items())},
    )
