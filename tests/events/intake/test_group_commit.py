"""Group commit: together when it can be, alone when it must be, and never more than the memory allows."""

import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future
from contextlib import contextmanager
from datetime import UTC, datetime
from uuid import uuid4

import psycopg
import pytest
from django.db import connections
from msgspec.structs import replace
from pytest_django import Settings

from cdp_project.kernel.database import Connection, connect
from cdp_project.workspaces.environment import Environment
from events.intake import inbox
from events.intake.gathering import StoreBusy
from events.intake.group_commit import GroupCommit
from events.intake.inbox import AcceptSequence, NewBatch
from events.intake.storing import StoreUnavailable, Unstorable
from events.models import InboxRow

NOW = datetime(2026, 11, 23, 12, tzinfo=UTC)
WAIT_S = 20


def new_batch(body: bytes = b"{}", event_count: int = 1) -> NewBatch:
    return NewBatch(0, uuid4(), 1, 1, Environment.PRODUCTION, "mparticle", False, NOW, event_count, 0, body)


class Store:
    """A group commit of its own that notes how many batches each statement carried."""

    def __init__(self) -> None:
        self.sequence = AcceptSequence()
        self.statements: list[int] = []
        self.group_commit = GroupCommit(self._write, self.sequence.draw_slot)

    def _write(self, connection: Connection, batches: Sequence[NewBatch]) -> None:
        self.statements.append(len(batches))
        inbox.insert(connection, batches, self.sequence, NOW)

    def submit(self, *batches: NewBatch) -> "Future[None]":
        return self.group_commit.submit(batches or [new_batch()])


@pytest.fixture
def store(transactional_db: None) -> Iterator[Store]:
    store = Store()
    yield store
    store.submit().result(WAIT_S)
    store.group_commit.close()


@contextmanager
def inbox_locked() -> Iterator[None]:
    """Within the block nobody can write to the inbox."""
    with connect(name="test lock") as connection:
        connection.execute("LOCK TABLE inbox IN ACCESS EXCLUSIVE MODE")
        yield
        connection.rollback()


@contextmanager
def one_in_flight(store: Store) -> Iterator["Future[None]"]:
    """Within the block a first request is stuck in the database, so that others gather behind it."""
    with inbox_locked():
        first = store.submit()
        wait_until(first.running)
        yield first


def wait_until(holds: Callable[[], bool]) -> None:
    deadline = time.monotonic() + WAIT_S
    while not holds():
        assert time.monotonic() < deadline
        time.sleep(0.001)


def test_what_waits_goes_into_one_statement(store: Store) -> None:
    with one_in_flight(store) as first:
        others = [store.submit(new_batch(), new_batch()) for _ in range(20)]

    for done in [first, *others]:
        done.result(WAIT_S)
    assert store.statements == [1, 40]
    assert InboxRow.objects.count() == 41


def test_the_order_of_submission_is_the_order_of_acceptance(store: Store) -> None:
    batches = [new_batch() for _ in range(30)]

    with one_in_flight(store):
        done = [store.submit(batch) for batch in batches]
    done[-1].result(WAIT_S)

    ids = list(InboxRow.objects.order_by("accept_seq").values_list("batch_id", flat=True))
    assert ids[1:] == [batch.batch_id for batch in batches]


def test_a_fault_in_one_request_fails_that_one_alone(store: Store) -> None:
    poison = new_batch(event_count=2**40)

    with one_in_flight(store):
        good = [store.submit() for _ in range(3)]
        bad = store.submit(new_batch(), poison)
        good += [store.submit() for _ in range(3)]

    for done in good:
        done.result(WAIT_S)
    with pytest.raises(Unstorable):
        bad.result(WAIT_S)
    assert InboxRow.objects.count() == 7


def test_the_log_does_not_quote_what_was_sent(store: Store, caplog: pytest.LogCaptureFixture) -> None:
    nameless = replace(new_batch(b"ann@example.com"), batch_id=None)

    with pytest.raises(Unstorable):
        store.submit(nameless).result(WAIT_S)

    assert "batch_id" in caplog.text
    assert "ann@example.com" not in caplog.text
    assert b"ann@example.com".hex() not in caplog.text


def test_who_gave_up_waiting_is_not_stored(store: Store) -> None:
    with one_in_flight(store) as first:
        given_up, patient = store.submit(), store.submit()
        assert given_up.cancel()

    first.result(WAIT_S)
    patient.result(WAIT_S)
    assert InboxRow.objects.count() == 2


def test_more_than_may_wait_is_refused_before_it_takes_memory(store: Store, settings: Settings) -> None:
    settings.CDP_INTAKE_WAITING_REQUESTS = 3

    with one_in_flight(store) as first:
        waiting = [store.submit(), store.submit()]
        with pytest.raises(StoreBusy):
            store.submit()

    for done in [first, *waiting]:
        done.result(WAIT_S)
    store.submit().result(WAIT_S)
    assert InboxRow.objects.count() == 4


def test_bytes_that_wait_are_bounded_too(store: Store, settings: Settings) -> None:
    settings.CDP_INTAKE_WAITING_BYTES = 1000

    with one_in_flight(store):
        store.submit(new_batch(b"x" * 900))
        with pytest.raises(StoreBusy):
            store.submit(new_batch(b"x" * 99))
        fits = store.submit(new_batch(b"x" * 98))

    fits.result(WAIT_S)


def test_two_processes_that_draw_one_number_both_store(store: Store) -> None:
    other = Store()
    for each in (store, other):
        each.sequence._slot, each.sequence._last = 7, 0

    store.submit().result(WAIT_S)
    other.submit().result(WAIT_S)

    assert InboxRow.objects.count() == 2
    assert other.statements[0] == 1
    assert len(other.statements) > 1
    other.group_commit.close()


def test_a_connection_that_died_costs_one_answer(store: Store) -> None:
    store.submit().result(WAIT_S)
    with connect(autocommit=True) as connection:
        connection.execute(
            "SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity "
            "WHERE application_name = 'tributary intake' AND datname = current_database()"
        )

    with pytest.raises(StoreUnavailable):
        store.submit().result(WAIT_S)
    store.submit().result(WAIT_S)
    assert InboxRow.objects.count() == 2


def test_without_a_database_requests_fail_and_later_ones_do_not(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    with monkeypatch.context() as away:
        away.setitem(connections["default"].settings_dict, "PORT", "1")
        with pytest.raises(StoreUnavailable):
            store.submit().result(WAIT_S)

    store.submit().result(WAIT_S)
    assert InboxRow.objects.count() == 1


def test_a_full_disk_is_an_outage_not_a_fault_of_the_request(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_arguments: object) -> None:
        raise psycopg.errors.DiskFull("could not extend file")

    with monkeypatch.context() as disk:
        disk.setattr(inbox, "insert", full)
        with pytest.raises(StoreUnavailable):
            store.submit().result(WAIT_S)

    store.submit().result(WAIT_S)


def test_a_fault_of_ours_reaches_everybody_who_waits(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_arguments: object) -> None:
        raise RuntimeError("a bug")

    with monkeypatch.context() as bug:
        bug.setattr(inbox, "insert", broken)
        done = [store.submit(), store.submit()]
        for each in done:
            with pytest.raises(RuntimeError):
                each.result(WAIT_S)

    store.submit().result(WAIT_S)
    assert InboxRow.objects.count() == 1


def test_large_groups_are_cut(store: Store) -> None:
    with one_in_flight(store):
        done = [store.submit(*[new_batch() for _ in range(100)]) for _ in range(15)]

    for each in done:
        each.result(WAIT_S)
    assert store.statements == [1, 1000, 500]
