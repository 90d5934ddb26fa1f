"""Chores: what has to be done by the clock. Each run is recorded, and one chore runs once at a time.

A chore is a Celery task in CELERY_BEAT_SCHEDULE. It may run late or twice without harm: the record is for people.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

import structlog
from celery import shared_task
from django.conf import settings

from cdp_project.kernel import clock
from cdp_project.kernel.database import Connection, connect

log = structlog.get_logger(__name__)

RUNNING, DONE, FAILED = "running", "done", "failed"
# One that has not begun in so many of its periods is late.
LATE_AFTER_PERIODS = 3
ERROR_CHARACTERS_MOST = 500
RUNS_KEPT = timedelta(days=7)

Chore = Callable[[Connection], int]
"""Works over a connection in autocommit mode and tells how many rows it moved, made or deleted."""

_BEGIN = "INSERT INTO chore_run (id, name, started_at, outcome, error) VALUES (%s, %s, %s, %s, '')"
_END = "UPDATE chore_run SET ended_at = %s, outcome = %s, rows = %s, error = %s WHERE id = %s"
# The newest run of each stays, however old: it tells since when there was none.
_FORGET = """
DELETE FROM chore_run r WHERE r.started_at < %s
  AND EXISTS (SELECT 1 FROM chore_run n WHERE n.name = r.name AND n.started_at > r.started_at)
"""
_LAST = """
SELECT name, started_at, ended_at, outcome, rows, error
FROM unnest(%s::text[]) AS asked (task)
CROSS JOIN LATERAL (SELECT * FROM chore_run WHERE name = asked.task ORDER BY started_at DESC LIMIT 1) AS run
"""
_INSTALLED_AT = "SELECT min(applied) FROM django_migrations WHERE app = 'kernel'"


@dataclass(frozen=True, slots=True)
class Run:
    """One run, as it is remembered."""

    name: str
    started_at: datetime
    ended_at: datetime | None
    outcome: str
    rows: int | None
    error: str

    @property
    def took_s(self) -> float | None:
        return None if self.ended_at is None else (self.ended_at - self.started_at).total_seconds()


@dataclass(frozen=True, slots=True)
class ChoreState:
    """A chore of the schedule with its last run. `due_since` is when it began last, or was installed."""

    name: str
    period: timedelta
    due_since: datetime
    last: Run | None

    def is_late(self, now: datetime) -> bool:
        """It has not begun in three of its periods."""
        return now - self.due_since > LATE_AFTER_PERIODS * self.period


WORK: dict[str, Chore] = {}
"""What each chore does, by its task's name."""


def chore(work: Chore) -> Any:
    """Make a Celery task of it. An error is recorded and raised again, so that the worker logs it too."""
    name = f"{work.__module__}.{work.__name__}"
    WORK[name] = work

    def task() -> None:
        run(name, work)

    task.__doc__, task.__module__ = work.__doc__, work.__module__
    return shared_task(name=name)(task)


def run(name: str, work: Chore) -> None:
    """Do it now and record that, unless another process is at it."""
    with connect(autocommit=True, name="tributary chores") as connection:
        # A courtesy that keeps slow runs from piling up, freed by the end of the session; never needed for correctness.
        if connection.execute("SELECT pg_try_advisory_lock(hashtext(%s))", (name,)).fetchone() != (True,):
            log.info("chore is under way already", chore=name)
            return
        run_id = _begin(connection, name)
        try:
            rows = work(connection)
        except Exception as error:
            _end_failed(run_id, error)
            raise
        connection.execute(_END, (clock.now(), DONE, rows, "", run_id))
        if rows:
            log.info("chore done", chore=name, rows=rows)


def _begin(connection: Connection, name: str) -> UUID:
    run_id = uuid4()
    connection.execute(_BEGIN, (run_id, name, clock.now(), RUNNING))
    return run_id


def _end_failed(run_id: UUID, error: Exception) -> None:
    sentence = f"{type(error).__name__}: {error}".partition("\nDETAIL")[0].strip()[:ERROR_CHARACTERS_MOST]
    # Over another connection: the chore's own may be what failed.
    with connect(autocommit=True, name="tributary chores") as connection:
        connection.execute(_END, (clock.now(), FAILED, None, sentence.replace("\0", ""), run_id))


def states(connection: Connection) -> list[ChoreState]:
    """Every chore of the schedule, the shortest period first."""
    schedule: Iterable[dict[str, Any]] = settings.CELERY_BEAT_SCHEDULE.values()
    periods = {str(entry["task"]): timedelta(seconds=entry["schedule"]) for entry in schedule}
    rows: list[tuple[Any, ...]] = connection.execute(_LAST, (list(periods),)).fetchall()
    last = {found.name: found for found in (Run(*row) for row in rows)}
    installed: Any = connection.execute(_INSTALLED_AT).fetchone()
    since = (installed and installed[0]) or clock.now()
    return [
        ChoreState(name, period, last[name].started_at if name in last else since, last.get(name))
        for name, period in sorted(periods.items(), key=lambda each: (each[1], each[0]))
    ]


def forget_old_runs(connection: Connection, now: datetime) -> int:
    """Delete what is older than a week; how many runs."""
    return connection.execute(_FORGET, (now - RUNS_KEPT,)).rowcount
