"""How many events of each connection wait, were delivered, withheld or failed, in all or by hour."""

from collections import Counter, defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from datetime import datetime
from itertools import islice
from typing import Any, NamedTuple

from django.db import connection

from cdp_project.kernel import clock
from cdp_project.kernel.buckets import bucket_of_number
from cdp_project.kernel.cursor import Moment, Number
from connections.reading.own import Own
from connections.verdicts import DELIVERED, FAILED, MOVED, WAITING, WITHHELD

STATES = (WAITING, DELIVERED, WITHHELD, FAILED)

# Both levels in one statement: what is compacted meanwhile is counted once.
_COUNTED = """
    SELECT v.connection_id, v.hour, v.state, v.reason, v.count
    FROM unnest(%(buckets)s::smallint[], %(connections)s::bigint[]) AS k (bucket, connection_id)
    JOIN verdict_hour v ON v.bucket = k.bucket AND v.connection_id = k.connection_id
    WHERE v.environment = %(environment)s AND {hours}
    UNION ALL
    SELECT v.connection_id, v.hour, v.state, v.reason, v.count FROM verdict_partial v
    WHERE v.connection_id = ANY(%(connections)s) AND v.environment = %(environment)s AND {hours}
"""
_SUMS = """
SELECT connection_id, NULL::timestamptz, state, reason, sum(count)::bigint FROM ({counted}) AS counted
GROUP BY connection_id, state, reason
"""
_PAGE = """
WITH counted AS ({counted}),
places AS (
    SELECT DISTINCT hour, connection_id FROM counted ORDER BY hour DESC, connection_id DESC LIMIT %(limit)s
)
SELECT connection_id, hour, state, reason, sum(count)::bigint FROM counted JOIN places USING (hour, connection_id)
GROUP BY connection_id, hour, state, reason
"""
_HOURS = """v.hour BETWEEN %(first)s AND %(last)s
      AND (%(hour)s::timestamptz IS NULL OR (v.hour, v.connection_id) < (%(hour)s, %(connection)s::bigint))"""
_IN_ALL = _SUMS.format(counted=_COUNTED.format(hours="true"))
_BY_HOUR = _PAGE.format(counted=_COUNTED.format(hours=_HOURS))


class VerdictsPlace(NamedTuple):
    """Where a row stands in the list: by connection, or by hour and then connection (the epoch's without hours)."""

    hour: Moment
    connection_id: Number


@dataclass(frozen=True, slots=True)
class Verdicts:
    """Events of one connection (in one hour of theirs, or in all) by state and then reason; every state is named.

    The reason of those that need none is "". Over all hours the sums of the states are what was stored since the
    connection exists. `is_deleted` says that it is gone.
    """

    connection_id: int
    output_id: int
    hour: datetime | None
    reasons: dict[str, dict[str, int]] = field(default_factory=lambda: {state: {} for state in STATES})
    is_deleted: bool = False

    @property
    def sums(self) -> dict[str, int]:
        """Events by state, every state named, and all of them as `stored`."""
        sums = {state: sum(self.reasons[state].values()) for state in STATES}
        return {**sums, "stored": sum(sums.values())}

    @property
    def place(self) -> VerdictsPlace:
        return VerdictsPlace(self.hour or clock.from_milliseconds(0), self.connection_id)


def verdicts(own: Own, *, after: VerdictsPlace | None, limit: int) -> list[Verdicts]:
    """Of the connections over all hours, by connection id; one without events has zeros."""
    outputs = {each: own.outputs[each] for each in sorted(own.outputs) if after is None or each > after.connection_id}
    page = replace(own, outputs=dict(islice(outputs.items(), limit)))
    counted = {each.connection_id: each for each in _verdicts(page, _counts(_IN_ALL, page))}
    return [
        counted.get(connection_id) or Verdicts(connection_id, output_id, None, is_deleted=connection_id in own.deleted)
        for connection_id, output_id in page.outputs.items()
    ]


def verdicts_by_hour(
    own: Own, first: datetime, last: datetime, *, before: VerdictsPlace | None, limit: int
) -> list[Verdicts]:
    """Of the connections and hours between the two, both included, that have any; the newest hour first.

    Events whose clocks were wild, or that came more than 72 hours late, are in no hour.
    """
    hour, connection_id = before or (None, None)
    last = last if hour is None else min(last, hour)
    rows = _counts(_BY_HOUR, own, first=first, last=last, hour=hour, connection=connection_id, limit=limit)
    return sorted(_verdicts(own, rows), key=lambda each: each.place, reverse=True)


def _counts(statement: str, own: Own, **more: Any) -> list[tuple[Any, ...]]:
    parameters: dict[str, Any] = {
        "buckets": [bucket_of_number(each) for each in own.connection_ids],
        "connections": own.connection_ids,
        "environment": int(own.environment),
    }
    with connection.cursor() as cursor:
        cursor.execute(statement, parameters | more)
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
            {state: _kept(states[state]) for state in STATES},
            connection_id in own.deleted,
        )
        for (connection_id, hour), states in found.items()
    ]


def _kept(counts: Counter[str]) -> dict[str, int]:
    return {reason: count for reason, count in sorted(counts.items()) if count}
