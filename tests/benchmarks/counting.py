"""Counts read back from the database of the run: what was stored, what waits."""

from typing import Any

from django.conf import settings

from cdp_project.kernel.database import Connection, connect
from events.intake.lane_key import lane_buckets
from events.metrics import OUTCOME, STORED
from events.models import Input

# What the pipeline counted itself, found by its key: cheap enough to be asked while it works. Nobody compacts here.
_COUNTED = """
SELECT coalesce(sum(count), 0)::bigint FROM rollup_partial
WHERE bucket = ANY(%s) AND workspace_id = %s AND environment = 1 AND input_id = %s AND metric = %s AND label = %s
"""
_STORED = "SELECT count(*) FROM event WHERE workspace_id = %s AND environment = 1 AND input_id = %s"
_WAITING = "SELECT count(*), coalesce(sum(event_count), 0)::bigint FROM inbox WHERE input_id = %s"


def one(statement: str, parameters: Any = None) -> int:
    """The one number that the statement gives."""
    with connect(autocommit=True, name="bench") as connection:
        connection.execute("SET statement_timeout = 0")
        return first_number(connection, statement, parameters)


def first_number(connection: Connection, statement: str, parameters: Any = None) -> int:
    """The same over an open connection."""
    row = connection.execute(statement.encode(), parameters).fetchone()
    return int(str(row[0])) if row is not None else 0


def counted(connection: Connection, source: Input) -> int:
    """Events of the input that the pipeline says it has stored."""
    lanes = lane_buckets(settings.CDP_LANES)
    return first_number(connection, _COUNTED, (lanes, source.workspace_id, source.pk, OUTCOME, STORED))


def stored(source: Input) -> int:
    """Events of the input that are there, row by row."""
    return one(_STORED, (source.workspace_id, source.pk))


def waiting(source: Input) -> tuple[int, int]:
    """Batches and events of the input in the inbox."""
    with connect(autocommit=True, name="bench") as connection:
        row: Any = connection.execute(_WAITING, (source.pk,)).fetchone()
    return int(row[0]), int(row[1])


def empty_inbox() -> None:
    """Throw away what waits: what comes next is not to wait behind it."""
    with connect(autocommit=True, name="bench") as connection:
        connection.execute("TRUNCATE inbox")
