"""A month of events that is there beforehand: the day partitions, and the counts that the pipeline would have left."""

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, date, datetime, time, timedelta

from pyroaring import BitMap

from cdp_project.kernel import clock, partitions
from cdp_project.kernel.buckets import bucket_of_number
from cdp_project.kernel.database import Connection, connect
from connections.models import Connection as Way
from events.models import Input
from tests.benchmarks.people import MPID_SQL

DAYS = 31
AT_ONCE = 2
_EVENTS = f"""
INSERT INTO {{table}} (bucket, day, event_id, mpid, origin_mpid, workspace_id, environment, input_id, batch_id,
    accept_seq, occurred_at, received_at, event_type, name, session_id, data, lane)
SELECT (mpid % 4096)::int2, '{{day}}',
    (lpad(to_hex(ms), 12, '0') || '7' || lpad(to_hex(mpid % 4096), 3, '0') || '8' || lpad(to_hex(i), 15, '0'))::uuid,
    mpid, mpid, {{workspace}}, 1, {{input}}, (lpad(to_hex(ms), 12, '0') || '70008' || lpad(to_hex(i), 15, '0'))::uuid,
    ms * 64000, to_timestamp(ms / 1000.0 - 1), to_timestamp(ms / 1000.0), 'custom_event', 'Event ' || i % 40, i / 8,
    jsonb_build_object('event_name', 'Event ' || i % 40, 'custom_event_type', 'other', 'session_uuid', i / 8,
        'source_message_id', 'm-' || i,
        'custom_attributes', jsonb_build_object('item', i % 1000, 'price', 9.5, 'colour', 'red')),
    0
FROM (SELECT i, {MPID_SQL.format(n="i * 7919 % {people}")} AS mpid,
             {{from_ms}} + (i - {{first}}) * {{span_ms}} / {{count}} AS ms
      FROM generate_series({{first}}::bigint, {{first}} + {{count}} - 1) AS i) AS made
"""
_COUNTS = """
INSERT INTO rollup_hour (bucket, workspace_id, environment, input_id, hour, metric, label, count)
SELECT {bucket}, {workspace}, 1, {input}, date_trunc('hour', received_at), metric, label, count(*)
FROM {table}, LATERAL (VALUES ('event', 'custom_event:' || name), ('outcome', 'stored')) AS counted (metric, label)
WHERE workspace_id = {workspace} GROUP BY 5, 6, 7
"""
_VERDICTS = """
INSERT INTO verdict_hour (bucket, connection_id, environment, hour, state, reason, count)
SELECT %(bucket)s, %(connection)s, 1, hour, state, reason, (count * share)::bigint
FROM rollup_hour, LATERAL (VALUES ('waiting', '', 0.9), ('waiting', 'moved', -0.9), ('delivered', '', 0.9),
    ('withheld', 'filtered', 0.1)) AS verdict (state, reason, share)
WHERE rollup_hour.bucket = %(owner)s AND workspace_id = %(workspace)s AND metric = 'outcome'
"""
_ACTIVE = """
INSERT INTO active_day (bucket, workspace_id, environment, day, input_id, people) VALUES (%s, %s, 1, %s, %s, %s)
"""


def make(source: Input, ways: Sequence[Way], events: int, people: int) -> None:
    """So many events of so many people, spread evenly over the days until now."""
    today, each = clock.now().date(), events // DAYS
    days = [today - timedelta(days=back) for back in range(DAYS)]
    with ThreadPoolExecutor(AT_ONCE) as pool:
        list(pool.map(lambda place: _make_day(source, days[place], place * each, each, people), range(DAYS)))
    with connect(name="bench") as connection:
        for way in ways:
            owner = bucket_of_number(source.workspace_id)
            told = {"bucket": bucket_of_number(way.pk), "connection": way.pk, "owner": owner}
            connection.execute(_VERDICTS.encode(), {**told, "workspace": source.workspace_id})
    with connect(autocommit=True, name="bench") as connection:
        connection.execute("VACUUM (ANALYZE) rollup_hour, verdict_hour, active_day")


def _make_day(source: Input, day: date, first: int, count: int, people: int) -> None:
    begins = datetime.combine(day, time(), UTC)
    span = min(timedelta(days=1), clock.now() - begins)
    facts: dict[str, object] = {
        "table": partitions.day_partition("event", day),
        "day": day,
        "workspace": source.workspace_id,
        "bucket": bucket_of_number(source.workspace_id),
        "input": source.pk,
        "people": people,
        "from_ms": clock.milliseconds(begins),
        "span_ms": int(span.total_seconds() * 1000),
        "first": first,
        "count": count,
    }
    with connect(autocommit=True, name="bench") as connection:
        connection.execute("SET statement_timeout = 0")
        _fill(connection, day, facts)
        connection.execute(_COUNTS.format(**facts).encode())
        connection.execute(_ACTIVE.encode(), _active(connection, source, day))


def _fill(connection: Connection, day: date, facts: dict[str, object]) -> None:
    """Filled aside and attached, which makes the indexes at once; into the day itself where it is there already."""
    table, insert = str(facts["table"]), _EVENTS.format(**facts).encode()
    if table in partitions.partitions_of(connection, "event"):
        connection.execute(insert)
    else:
        parts = "INCLUDING DEFAULTS INCLUDING CONSTRAINTS INCLUDING STORAGE"
        connection.execute(f"CREATE TABLE {table} (LIKE event {parts})".encode())
        connection.execute(insert)
        bounds = f"FROM ('{day}') TO ('{day + timedelta(days=1)}')"
        connection.execute(f"ALTER TABLE event ATTACH PARTITION {table} FOR VALUES {bounds}".encode())
    connection.execute(f"VACUUM (ANALYZE) {table}".encode())


def _active(connection: Connection, source: Input, day: date) -> tuple[object, ...]:
    """The day's bitmap: a person's number is the MPID without its bucket, less one."""
    table = partitions.day_partition("event", day)
    rows = connection.execute(
        f"SELECT DISTINCT (mpid >> 12) - 1 FROM {table} WHERE workspace_id = {source.workspace_id}".encode()
    ).fetchall()
    people = BitMap([int(str(number)) for (number,) in rows])
    return bucket_of_number(source.workspace_id), source.workspace_id, day, source.pk, people.serialize()
