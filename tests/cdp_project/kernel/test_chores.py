"""Chores: every run is recorded, one at a time, and a late one is known."""

import threading
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import psycopg
import pytest
from django.conf import settings
from django.db import connections
from pytest_django.fixtures import Settings

from cdp_project.celery import app
from cdp_project.kernel import chores, clock
from cdp_project.kernel.chores import ChoreState, Run
from cdp_project.kernel.database import Connection, connect
from cdp_project.kernel.models import ChoreRun

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
NAME = "tests.swept"


@pytest.fixture
def own(transactional_db: None) -> Iterator[Connection]:
    with connect(autocommit=True) as connection:
        yield connection


def broken(_connection: Connection) -> int:
    raise LookupError("no broom\nDETAIL: of somebody's data")


@pytest.mark.django_db(transaction=True)
class TestRuns:
    def test_a_run_is_recorded_with_its_rows(self) -> None:
        with clock.frozen(NOW):
            chores.run(NAME, lambda _connection: 7)
        run = ChoreRun.objects.get()
        assert (run.name, run.outcome, run.rows, run.error) == (NAME, "done", 7, "")
        assert run.started_at == run.ended_at == NOW

    def test_it_stands_there_while_it_is_under_way(self) -> None:
        seen: list[str] = []

        def look(_connection: Connection) -> int:
            run = ChoreRun.objects.get()
            seen.append(f"{run.outcome} {run.ended_at}")
            return 0

        chores.run(NAME, look)
        assert seen == ["running None"]

    def test_a_failure_is_recorded_without_data_and_goes_on_to_the_worker(self) -> None:
        with pytest.raises(LookupError):
            chores.run(NAME, broken)
        run = ChoreRun.objects.get()
        assert (run.outcome, run.rows, run.error) == ("failed", None, "LookupError: no broom")
        assert run.ended_at is not None

    def test_a_connection_that_broke_does_not_keep_the_failure_from_being_recorded(self) -> None:
        def cut(connection: Connection) -> int:
            connection.execute("SELECT pg_terminate_backend(pg_backend_pid())")
            return 0

        with pytest.raises(psycopg.OperationalError):
            chores.run(NAME, cut)
        assert ChoreRun.objects.get().outcome == "failed"

    def test_two_at_once_are_one_run(self) -> None:
        inner: list[int] = []

        def second(_connection: Connection) -> int:
            inner.append(1)
            return 1

        def work(_connection: Connection) -> int:
            chores.run(NAME, second)
            return 1

        chores.run(NAME, work)
        assert inner == []
        assert ChoreRun.objects.count() == 1
        # Nothing is left locked.
        chores.run(NAME, lambda _connection: 1)
        assert ChoreRun.objects.count() == 2

    def test_old_runs_go_and_the_newest_of_each_stays(self, own: Connection) -> None:
        for age_days, name in ((9, NAME), (8, NAME), (6, NAME), (30, "tests.rare")):
            with clock.frozen(NOW - timedelta(days=age_days)):
                chores.run(name, lambda _connection: 0)
        assert chores.forget_old_runs(own, NOW) == 2
        assert set(ChoreRun.objects.values_list("name", "started_at")) == {
            (NAME, NOW - timedelta(days=6)),
            ("tests.rare", NOW - timedelta(days=30)),
        }


@pytest.mark.django_db(transaction=True)
def test_states_tell_the_last_run_of_every_chore_of_the_schedule(own: Connection, settings: Settings) -> None:
    settings.CELERY_BEAT_SCHEDULE = {
        "a": {"task": NAME, "schedule": 60.0},
        "b": {"task": "tests.never", "schedule": 30.0},
    }
    for minutes in (3, 1):
        with clock.frozen(NOW - timedelta(minutes=minutes)):
            chores.run(NAME, lambda _connection: 0)
    never, swept = chores.states(own)

    assert (never.name, never.last, never.period) == ("tests.never", None, timedelta(seconds=30))
    assert swept.last is not None
    assert swept.last.started_at == swept.due_since == NOW - timedelta(minutes=1)


def state(age: timedelta, outcome: str = "done") -> ChoreState:
    run = Run(NAME, NOW - age, NOW, outcome, 0, "")
    return ChoreState(NAME, timedelta(minutes=1), run.started_at, run)


def test_late_is_what_did_not_begin_in_three_periods() -> None:
    assert not state(timedelta(minutes=3)).is_late(NOW)
    assert state(timedelta(minutes=3, seconds=1)).is_late(NOW)


def test_every_chore_of_the_schedule_is_recorded() -> None:
    app.loader.import_default_modules()
    assert {entry["task"] for entry in settings.CELERY_BEAT_SCHEDULE.values()} == set(chores.WORK)


@pytest.mark.django_db(transaction=True)
def test_all_chores_bear_running_twice_at_once() -> None:
    """Without the courtesy that keeps two runs apart: nothing depends on it."""
    app.loader.import_default_modules()
    start, errors = threading.Barrier(2), list[str]()

    def work_through() -> None:
        for name, work in chores.WORK.items():
            start.wait(30)
            try:
                with connect(autocommit=True) as connection:
                    work(connection)
            except Exception as error:  # noqa: BLE001 - told below
                errors.append(f"{name}: {error!r}")
        connections.close_all()

    threads = [threading.Thread(target=work_through) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert errors == []
