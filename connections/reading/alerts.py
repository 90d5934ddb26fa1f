"""Which faults deliveries met, by hour: counts in words, each with one attempt that shows it."""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from itertools import islice
from typing import Any, NamedTuple

from django.db import connection

from cdp_project.kernel import clock, cursor
from cdp_project.kernel.buckets import bucket_of_number
from cdp_project.kernel.cursor import Moment, Number, Word
from connections.alert_codes import RETRIES_EXHAUSTED, alert_label
from connections.models import AlertLevel
from connections.reading.attempts import Attempt
from connections.reading.own import Own

HOUR = timedelta(hours=1)

# Both levels in one statement: what is compacted meanwhile is counted once.
_ALERTS = """
SELECT hour, level, output_id, connection_id, code, sum(count)::bigint FROM (
    SELECT a.hour, a.level, a.output_id, a.connection_id, a.code, a.count
    FROM unnest(%(buckets)s::smallint[], %(outputs)s::bigint[], %(connections)s::bigint[])
         AS k (bucket, output_id, connection_id)
    JOIN alert_hour a ON a.bucket = k.bucket AND a.output_id = k.output_id AND a.connection_id = k.connection_id
    WHERE a.environment = %(environment)s AND a.hour BETWEEN %(first)s AND %(last)s
    UNION ALL
    SELECT hour, level, output_id, connection_id, code, count FROM alert_partial
    WHERE connection_id = ANY(%(connections)s) AND environment = %(environment)s
      AND hour BETWEEN %(first)s AND %(last)s
) AS counted
WHERE (%(level)s::smallint IS NULL OR level = %(level)s)
  AND (%(hour)s::timestamptz IS NULL OR (hour, level, output_id, connection_id, code)
       < (%(hour)s, %(before_level)s, %(output)s::bigint, %(connection)s::bigint, %(code)s))
GROUP BY hour, level, output_id, connection_id, code
ORDER BY hour DESC, level DESC, output_id DESC, connection_id DESC, code DESC
LIMIT %(limit)s
"""
# Of the last attempts of each lane in the hour the newest with each error: to look at all could take seconds.
_SAMPLES = """
SELECT DISTINCT ON (a.connection_id, a.error) a.connection_id, a.at, a.status, a.error, a.latency_ms, a.answer_sample
FROM delivery_lane l
CROSS JOIN LATERAL (
    SELECT * FROM delivery_attempt d
    WHERE d.bucket = l.bucket AND d.output_id = l.output_id AND d.day = %(day)s AND d.at >= %(hour)s AND d.at < %(end)s
      AND d.error <> ''
    ORDER BY d.at DESC LIMIT %(most)s
) AS a
WHERE l.output_id = %(output)s
ORDER BY a.connection_id, a.error, a.at DESC
"""
ATTEMPTS_MOST = 100
# A page of ordinary length has fewer hours and outputs.
PLACES_MOST = 100


class AlertPlace(NamedTuple):
    """Where an alert stands in the list."""

    hour: Moment
    level: Number
    output_id: Number
    connection_id: Number
    code: Word


@dataclass(frozen=True, slots=True)
class Alert:
    """How many events of a connection met a fault in an hour; `sample` is one request that shows it.

    `is_deleted` says that the connection is gone; `acknowledged_by`, who was the first to take care of it.
    """

    hour: datetime
    level: int
    output_id: int
    connection_id: int
    code: str
    count: int
    sample: Attempt | None = None
    is_deleted: bool = False
    acknowledged_by: str | None = None
    acknowledged_at: datetime | None = None

    @property
    def id(self) -> str:
        """An opaque text that names this alert among those of its workspace and environment."""
        return cursor.encode(self.place)

    @property
    def level_word(self) -> str:
        return AlertLevel(self.level).name.lower()

    @property
    def label(self) -> str:
        """The code in words."""
        return alert_label(self.code)

    @property
    def place(self) -> AlertPlace:
        return AlertPlace(self.hour, self.level, self.output_id, self.connection_id, self.code)


Samples = dict[tuple[datetime, int], dict[str, Attempt]]
"""Attempts by hour and connection, then by error."""


def alerts(
    own: Own,
    hours: tuple[datetime, datetime],
    *,
    level: AlertLevel | None = None,
    before: AlertPlace | None = None,
    limit: int,
) -> list[Alert]:
    """Alerts of the hours, the first and the last included; the newest hour first, in it the worst level first."""
    place = before or AlertPlace(None, None, None, None, None)  # type: ignore[arg-type] # no position is all nulls
    parameters: dict[str, Any] = {
        "buckets": [bucket_of_number(each) for each in own.outputs.values()],
        "outputs": list(own.outputs.values()),
        "connections": own.connection_ids,
        "environment": int(own.environment),
        "first": hours[0],
        "last": hours[1] if before is None else min(hours[1], before.hour),
        "level": level,
        "hour": place.hour,
        "before_level": place.level,
        "output": place.output_id,
        "connection": place.connection_id,
        "code": place.code,
        "limit": limit,
    }
    with connection.cursor() as rows:
        rows.execute(_ALERTS, parameters)
        found = [Alert(*row) for row in rows.fetchall()]
    return [replace(each, is_deleted=each.connection_id in own.deleted) for each in found]


def with_samples(found: Sequence[Alert]) -> list[Alert]:
    """The same, each with a late attempt of its hour that shows the fault, where one is easily found.

    What was given up is shown by any attempt of the hour: its last one failed like those before it.
    """
    samples = _samples(dict.fromkeys((each.output_id, each.hour) for each in found))
    return [replace(each, sample=_shown_by(each, samples)) for each in found]


def _shown_by(alert: Alert, samples: Samples) -> Attempt | None:
    of_hour = samples.get((alert.hour, alert.connection_id), {})
    if alert.code == RETRIES_EXHAUSTED:
        return max(of_hour.values(), key=lambda attempt: attempt.at, default=None)
    return of_hour.get(alert.code)


def _samples(places: Iterable[tuple[int, datetime]]) -> Samples:
    """One statement for each, so that the planner knows the hour and takes the index."""
    found: Samples = defaultdict(dict)
    with connection.cursor() as rows:
        for output_id, hour in islice(places, PLACES_MOST):
            times = {"day": clock.day_of(hour), "hour": hour, "end": hour + HOUR}
            rows.execute(_SAMPLES, {"output": output_id, "most": ATTEMPTS_MOST, **times})
            for connection_id, *columns in rows.fetchall():
                attempt = Attempt(*columns)
                found[hour, connection_id][attempt.error] = attempt
    return found
