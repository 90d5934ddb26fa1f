"""The reads behind the dashboard over a month of events: as the console makes them, from the query to its values."""

import json
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from functools import partial
from typing import Any

from django.db import connection

from cdp_project.kernel import clock
from cdp_project.kernel.buckets import bucket_of_number
from cdp_project.workspaces.environment import Environment
from connections.reading.own import own_connections
from connections.reading.verdicts import verdicts, verdicts_by_hour
from events.active_days import active_people
from events.outcomes.counting import outcomes
from events.selectors import newest_events, newest_places
from tests.benchmarks.cell import Cell, Figure, NoFigure, or_why
from tests.benchmarks.history import DAYS
from tests.benchmarks.load import percentile
from tests.benchmarks.people import mpid_of
from tests.benchmarks.shops import Place
from tests.benchmarks.stack import Stack
from tests.benchmarks.targets import ROWS

TIMES, LIMIT = 40, 50
HERE = Environment.PRODUCTION
_EVENTS = """
SELECT {by}, sum(count)::bigint FROM (
    SELECT hour, label, count FROM rollup_hour WHERE bucket = %(bucket)s AND workspace_id = %(workspace)s
      AND environment = 1 AND metric = 'event' AND hour BETWEEN %(first)s AND %(last)s{which}
    UNION ALL
    SELECT hour, label, count FROM rollup_partial WHERE workspace_id = %(workspace)s
      AND environment = 1 AND metric = 'event' AND hour BETWEEN %(first)s AND %(last)s{which}
) AS counted GROUP BY {by}
"""
_ONE = " AND label = 'custom_event:Event 1'"
Read = Callable[[], object]


def run(stack: Stack) -> Iterator[Figure]:
    place, events = stack.preload.month()
    connection.close()
    for name, read in reads(place, events).items():
        yield from or_why(f"{name}: p95", "ms", partial(measured, name, read))


def reads(place: Place, events: int) -> dict[str, Read]:
    """What is asked, by name."""
    workspace, now = place.workspace, clock.now()
    hour = now.replace(minute=0, second=0, microsecond=0)
    first = (now - timedelta(days=DAYS - 1)).replace(hour=0, minute=0, second=0, microsecond=0)
    own = own_connections(workspace, HERE)

    def all_outcomes() -> None:
        found = outcomes(workspace.pk, HERE, (first, hour)).stored
        if found != events:
            raise NoFigure(f"{found:,} of {events:,} events are counted")

    told = {"bucket": bucket_of_number(workspace.pk), "workspace": workspace.pk, "first": first, "last": hour}
    return {
        f"outcomes, {DAYS} days": all_outcomes,
        f"events by name, {DAYS} days": lambda: execute(_EVENTS.format(by="label", which=""), told),
        f"one name by hour, {DAYS} days": lambda: execute(_EVENTS.format(by="hour", which=_ONE), told),
        "verdicts in all": lambda: verdicts(own, after=None, limit=LIMIT),
        "verdicts by hour, 50 rows": lambda: verdicts_by_hour(own, first, hour, before=None, limit=LIMIT),
        f"active people, {DAYS} days": lambda: active_people(workspace.pk, HERE, first.date(), now.date()),
        "newest 50 events": lambda: newest_events(workspace.pk, HERE, None, LIMIT),
        "a person's newest 50 events": lambda: newest_places(
            workspace.pk, HERE, [mpid_of(1)], before=None, limit=LIMIT
        ),
    }


def execute(statement: str, parameters: Any) -> list[tuple[Any, ...]]:
    with connection.cursor() as cursor:
        cursor.execute(statement, parameters)
        return list(cursor.fetchall())


def measured(name: str, read: Read) -> Iterator[Figure]:
    """Warm, one after another; the note names the indexes that PostgreSQL takes."""
    with statements() as asked:
        read()
    used = sorted({index for statement, parameters in asked for index in indexes_of(statement, parameters)})
    took = sorted(milliseconds(read) for _ in range(TIMES))
    note = f"by {', '.join(used) or 'no index'}"
    yield Figure(f"{name}: p95", percentile(took, 0.95), "ms", ROWS["dashboard"].numbers["p95"], note=note)


def milliseconds(read: Read) -> float:
    began = time.perf_counter()
    read()
    return (time.perf_counter() - began) * 1000


@contextmanager
def statements() -> Iterator[list[tuple[str, Any]]]:
    """What is executed over Django's connection in the block."""
    seen: list[tuple[str, Any]] = []

    def note(execute: Any, statement: str, parameters: Any, many: bool, context: Any) -> Any:
        seen.append((statement, parameters))
        return execute(statement, parameters, many, context)

    with connection.execute_wrapper(note):
        yield seen


def indexes_of(statement: str, parameters: Any) -> set[str]:
    """Names of the indexes in the plan, days left out of them."""
    ((plan,),) = execute(f"EXPLAIN (FORMAT JSON) {statement}", parameters)
    plan = json.loads(plan) if isinstance(plan, str) else plan
    return {name.translate(str.maketrans("", "", "0123456789")).strip("_") for name in _names(plan[0]["Plan"])}


def _names(node: dict[str, Any]) -> Iterator[str]:
    if "Index Name" in node:
        yield node["Index Name"]
    for below in node.get("Plans", []):
        yield from _names(below)


CELL = Cell(
    "dashboard",
    "each read of a dashboard, over 10 M events in 31 days",
    "ms",
    run,
    rows=("dashboard",),
    order=90,
)
