"""Figures of the installation: connections to the database, chores. For /metrics."""

from collections.abc import Iterator
from datetime import datetime
from typing import Any

from cdp_project.kernel import chores
from cdp_project.kernel.database import Connection
from cdp_project.kernel.samples import Samples

OTHERS = "other"

# Names of others are theirs to choose: they count together.
_CONNECTIONS = """
SELECT CASE WHEN application_name LIKE 'tributary%%' THEN application_name ELSE %s END, count(*)
FROM pg_stat_activity WHERE datname = current_database() GROUP BY 1
"""


def read(connection: Connection, now: datetime) -> Iterator[Samples]:
    """Figures at the moment."""
    rows: list[tuple[Any, ...]] = connection.execute(_CONNECTIONS, (OTHERS,)).fetchall()
    yield Samples(
        "tributary_database_connections",
        "Connections to the database, by what they are for.",
        ("purpose",),
        [((name.removeprefix("tributary").strip() or "tributary",), count) for name, count in rows],
    )
    known = chores.states(connection)
    yield Samples(
        "tributary_chore_age_seconds",
        "Seconds since a chore began last (or, when it never did, since the installation).",
        ("chore",),
        [((each.name,), (now - each.due_since).total_seconds()) for each in known],
    )
    yield Samples(
        "tributary_chore_late",
        "1 when a chore has not begun in three of its periods.",
        ("chore",),
        [((each.name,), float(each.is_late(now))) for each in known],
    )
    yield Samples(
        "tributary_chore_failed",
        "1 when the last run of a chore failed.",
        ("chore",),
        [((each.name,), float(each.last is not None and each.last.outcome == chores.FAILED)) for each in known],
    )
    yield Samples(
        "tributary_chore_last_seconds",
        "How long the last run of a chore took.",
        ("chore",),
        [((each.name,), each.last.took_s) for each in known if each.last and each.last.took_s is not None],
    )
