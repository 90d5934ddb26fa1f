"""How many events of each connection wait, were delivered, withheld or failed, in all or by hour."""

from collections import Counter, defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from django.db import connection

from cdp_project.kernel.buckets import bucket_of_number
from connections.reading.own import Own
from connections.verdicts import DELIVERED, FAILED, MOVED, WAITING, WITHHELD

STATES = (WAITING, DELIVERED, WITHHELD, FAILED)

# Both levels in one statement: what is compacted meanwhile is counted once.
_COUNTS = """
SELECT connection_id, CASE WHEN %(by_hour)s THEN hour END, state, reason, sum(count)::bigint FROM (
    SELECT v.connection_id, v.hour, v.state, v.reason, v.count
    FROM unnest(%(buckets)s::smallint[], %(connections)s::bigint[]) AS k (bucket, connection_id)
    JOIN verdict_hour v ON v.bucket = k.bucket AND v.connection_id = k.connection_id
    WHERE v.environment = %(environment)s
    UNION ALL
    SELECT connection_id, hour, state, reason, count FROM verdict_partial
    WHERE connection_id = ANY(%(connections)s) AND environment = %(environment)s
) AS counted
WHERE NOT %(by_hour)s OR hour BETWEEN %(first)s AND %(last)s
GROUP BY 1, 2, 3, 4
"""


@dataclass(frozen=True, slots=True)
class Verdicts:
    """Events of one connection (in one hour of theirs, or in all) by state and then reason.

    The reason of those that need none is "". Over all hours the sums of the states are what was stored since the
    connection exists. `is_deleted` says that it is gone.
    """

    connection_id: int
    output_id: int
    hour: datetime | None
    reasons: dict[str, dict[str, int]] = field(default_factory=dict)
    is_deleted: bool = False

    @property
    def sums(self) -> dict[str, int]:
        """Events by state, every state named, and all of them as `stored`."""
        sums = {state: sum(self.reasons.get(state, {}).values()) for state in STATES}
        return {**sums, "stored": sum(sums.values())}


def verdicts(own: Own) -> list[Verdicts]:
    """Of every connection over all hours, by connection id; one without events has zeros."""
    counted = {each.connection_id: each for each in _verdicts(own, _counts(own, None))}
    return [
        counted.get(connection_id) or Verdicts(connection_id, output_id, None, is_deleted=connection_id in own.deleted)
        for connection_id, output_id in sorted(own.outputs.items())
    ]


def verdicts_by_hour(own: Own, first: datetime, last: datetime) -> list[Verdicts]:
    """Of every connection and hour between the two, both included, that has any; the newest hour first.

    Events whose clocks were wild, or that came more than 72 hours late, are in no hour.
    """
    found = _verdicts(own, _counts(own, (first, last)))
    return sorted(found, key=lambda each: (each.hour, each.connection_id), reverse=True)


def _counts(own: Own, hours: tuple[datetime, datetime] | None) -> list[tuple[Any, ...]]:
    first, last = hours or (None, None)
    parameters = {
        "by_hour": hours is not None,
        "first": first,
        "last": last,
        "buckets": [bucket_of_number(each) for each in own.connection_ids],
        "connections": own.connection_ids,
        "environment": int(own.environment),
    }
    with connection.cursor() as cursor:
        cursor.execute(_COUNTS, parameters)
        return list(cursor.fetchall())


def _verdicts(own: Own, rows: Iterable[tuple[Any, ...]]) -> list[Verdicts]:
    found: defaultdict[tuple[int, datetime | None], defaultdict[str, Counter[str]]] = defaultdict(
        lambda: defaultdict(Counter)
    )
    for connection_id, hour, state, reason, count in rows:
        # What moved on is taken away from what waits.
        found[connection_id, hour][state]["" if reason == MOVED else reason] += count
    return [
        Verdicts(
            connection_id,
            own.outputs[connection_id],
            hour,
            {state: _kept(counts) for state, counts in states.items()},
            connection_id in own.deleted,
        )
        for (connection_id, hour), states in found.items()
    ]


def _kept(counts: Counter[str]) -> dict[str, int]:
    return {reason: count for reason, count in sorted(counts.items()) if count}
