"""Which faults deliveries met, by hour: counts in words, each with one attempt that shows it."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any, NamedTuple

from django.db import connection

from cdp_project.kernel import clock
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
# The newest attempt of the hour with that fault; of what was given up any, for it shows what it was tried for.
_SAMPLES = """
SELECT DISTINCT ON (k.n) k.n, a.at, a.status, a.error, a.latency_ms, a.answer_sample
FROM unnest(%(outputs)s::bigint[], %(connections)s::bigint[], %(hours)s::timestamptz[], %(ends)s::timestamptz[],
            %(days)s::date[], %(codes)s::text[])
     WITH ORDINALITY AS k (output_id, connection_id, hour, ends, day, code, n)
JOIN delivery_lane l ON l.output_id = k.output_id
CROSS JOIN LATERAL (
    SELECT * FROM delivery_attempt d
    WHERE d.bucket = l.bucket AND d.output_id = l.output_id AND d.day = k.day AND d.at >= k.hour AND d.at < k.ends
      AND d.connection_id = k.connection_id AND (d.error = k.code OR (k.code = %(exhausted)s AND d.error <> ''))
    ORDER BY d.at DESC LIMIT 1
) AS a
ORDER BY k.n, a.at DESC
"""


class AlertPlace(NamedTuple):
    """Where an alert stands in the list."""

    hour: Moment
    level: Number
    output_id: Number
    connection_id: Number
    code: Word


@dataclass(frozen=True, slots=True)
class Alert:
    """How many events of a connection met a fault in an hour; `sample` is one request that shows it."""

    hour: datetime
    level: int
    output_id: int
    connection_id: int
    code: str
    count: int
    sample: Attempt | None = None

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
    with connection.cursor() as cursor:
        cursor.execute(_ALERTS, parameters)
        return [Alert(*row) for row in cursor.fetchall()]


def with_samples(found: Sequence[Alert]) -> list[Alert]:
    """The same, each with the newest attempt of its hour that shows the fault, where one was kept."""
    if not found:
        return []
    parameters: dict[str, Any] = {
        "outputs": [each.output_id for each in found],
        "connections": [each.connection_id for each in found],
        "hours": [each.hour for each in found],
        "ends": [each.hour + HOUR for each in found],
        "days": [clock.day_of(each.hour) for each in found],
        "codes": [each.code for each in found],
        "exhausted": RETRIES_EXHAUSTED,
    }
    with connection.cursor() as cursor:
        cursor.execute(_SAMPLES, parameters)
        samples = {number: Attempt(*columns) for number, *columns in cursor.fetchall()}
    return [replace(each, sample=samples.get(number)) for number, each in enumerate(found, 1)]
