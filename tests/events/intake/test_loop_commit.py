"""Group commit in an event loop: together when it can be, alone when it must be, over a connection that may die."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence

import pytest
from django.db import connections
from msgspec.structs import replace
from pytest_django import Settings

from cdp_project.kernel import clock
from cdp_project.kernel.database import Connection, connect
from events.intake import inbox
from events.intake.bodies import PLAIN
from events.intake.desk import desk
from events.intake.gathering import StoreBusy
from events.intake.inbox import COLUMNS, AcceptSequence, NewBatch
from events.intake.loop_commit import LoopCommit
from events.intake.storing import StoreUnavailable, Unstorable
from events.intake.tickets import LoopTicket
from events.models import InboxRow
from tests.events.intake.test_group_commit import NOW, WAIT_S, inbox_locked, new_batch

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def statements(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """How many batches each statement carried."""
    sizes: list[int] = []
    real = inbox.copy_in

    async def noted(connection: Connection, batches: Sequence[NewBatch], *more: object) -> None:
        sizes.append(len(batches))
        await real(connection, batches, *more)  # type: ignore[arg-type]

    monkeypatch.setattr(inbox, "copy_in", noted)
    return sizes


def run(scenario: Callable[[LoopCommit], Awaitable[None]]) -> None:
    """One loop with a group commit of its own."""

    async def whole() -> None:
        commit = LoopCommit()
        try:
            async with asyncio.timeout(WAIT_S):
                await scenario(commit)
        finally:
            await commit.close(WAIT_S)

    asyncio.run(whole())


async def until(holds: Callable[[], object]) -> None:
    while not holds():
        await asyncio.sleep(0.001)


async def all_told(tickets: Sequence[LoopTicket]) -> list[BaseException | None]:
    return await asyncio.gather(*(ticket.done for ticket in tickets), return_exceptions=True)


def test_what_waits_goes_into_one_statement(statements: list[int]) -> None:
    async def scenario(commit: LoopCommit) -> None:
        with inbox_locked():
            tickets = [commit.add([new_batch()])]
            await until(lambda: statements)
            tickets += [commit.add([new_batch(), new_batch()]) for _ in range(20)]
        assert await all_told(tickets) == [None] * 21

    run(scenario)

    assert statements == [1, 40]
    assert InboxRow.objects.count() == 41


def test_what_is_stored_is_what_the_other_way_stores() -> None:
    batch = replace(new_batch(bytes(range(256)), event_count=3), bucket=7, is_historical=True, encoding=PLAIN)
    with connect(autocommit=True) as connection:
        inbox.insert(connection, [batch], AcceptSequence(), NOW)

    async def scenario(commit: LoopCommit) -> None:
        await commit.add([batch]).done

    run(scenario)

    first, second = InboxRow.objects.order_by("accept_seq").values()
    assert {name: value for name, value in first.items() if name != "accept_seq"} == {
        name: value for name, value in second.items() if name != "accept_seq"
    }
    assert set(COLUMNS) <= set(first)


def test_the_order_of_adding_is_the_order_of_acceptance(statements: list[int]) -> None:
    batches = [replace(new_batch(), bucket=place % 3) for place in range(30)]

    async def scenario(commit: LoopCommit) -> None:
        await all_told([commit.add([batch]) for batch in batches])

    run(scenario)

    ids = list(InboxRow.objects.order_by("accept_seq").values_list("batch_id", flat=True))
    assert ids == [batch.batch_id for batch in batches]
    assert statements == [30]


@pytest.mark.parametrize("fault", [{"event_count": 2**40}, {"protocol": "a\0b"}, {"bucket": 40_000}])
def test_a_fault_in_one_request_fails_that_one_alone(
    fault: dict[str, object], caplog: pytest.LogCaptureFixture
) -> None:
    poison = replace(new_batch(b"ann@example.com"), **fault)

    async def scenario(commit: LoopCommit) -> None:
        requests = [[new_batch()], [new_batch(), poison], [new_batch()]]
        told = await all_told([commit.add(request) for request in requests])
        assert [type(each) for each in told] == [type(None), Unstorable, type(None)]

    run(scenario)

    assert InboxRow.objects.count() == 2
    assert "ann@example.com" not in caplog.text


def test_who_gave_up_waiting_is_not_stored(statements: list[int]) -> None:
    async def scenario(commit: LoopCommit) -> None:
        with inbox_locked():
            first = commit.add([new_batch()])
            await until(lambda: statements)
            given_up, expired, patient = (commit.add([new_batch()]) for _ in range(3))
            given_up.done.cancel()
            expired.expire()
        assert await all_told([first, patient]) == [None, None]
        with pytest.raises(TimeoutError):
            await expired.done

    run(scenario)

    assert InboxRow.objects.count() == 2


def test_more_than_may_wait_is_refused(settings: Settings, statements: list[int]) -> None:
    settings.CDP_INTAKE_WAITING_REQUESTS = 3

    async def scenario(commit: LoopCommit) -> None:
        with inbox_locked():
            tickets = [commit.add([new_batch()])]
            await until(lambda: statements)
            tickets += [commit.add([new_batch()]) for _ in range(2)]
            with pytest.raises(StoreBusy):
                commit.add([new_batch()])
        assert await all_told(tickets) == [None] * 3
        await commit.add([new_batch()]).done

    run(scenario)

    assert InboxRow.objects.count() == 4


def test_rows_larger_than_any_buffer_arrive_whole() -> None:
    bodies = [bytes([number]) * 1_000_000 for number in range(6)]

    async def scenario(commit: LoopCommit) -> None:
        await all_told([commit.add([new_batch(body)]) for body in bodies])

    run(scenario)

    assert [bytes(row.body) for row in InboxRow.objects.order_by("accept_seq")] == bodies


def test_two_processes_that_draw_one_number_both_store(statements: list[int]) -> None:
    other = AcceptSequence()
    other._slot = desk.sequence._slot = 7
    other._last = desk.sequence._last = 0
    with connect(autocommit=True) as connection:
        inbox.insert(connection, [new_batch()], other, NOW)

    async def scenario(commit: LoopCommit) -> None:
        await commit.add([new_batch()]).done

    with clock.frozen(NOW):
        run(scenario)

    assert InboxRow.objects.count() == 2
    assert len(statements) > 1


def test_a_connection_that_died_costs_one_answer() -> None:
    async def scenario(commit: LoopCommit) -> None:
        await commit.add([new_batch()]).done
        with connect(autocommit=True) as connection:
            connection.execute(
                "SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity "
                "WHERE application_name = 'tributary intake' AND datname = current_database()"
            )
        with pytest.raises(StoreUnavailable):
            await commit.add([new_batch()]).done
        await commit.add([new_batch()]).done

    run(scenario)

    assert InboxRow.objects.count() == 2


def test_without_a_database_requests_fail_and_later_ones_do_not(monkeypatch: pytest.MonkeyPatch) -> None:
    async def scenario(commit: LoopCommit) -> None:
        with monkeypatch.context() as away:
            away.setitem(connections["default"].settings_dict, "PORT", "1")
            with pytest.raises(StoreUnavailable):
                await commit.add([new_batch()]).done
        await commit.add([new_batch()]).done

    run(scenario)

    assert InboxRow.objects.count() == 1


def test_a_fault_of_ours_reaches_everybody_who_waits(monkeypatch: pytest.MonkeyPatch) -> None:
    async def broken(*_arguments: object) -> None:
        raise RuntimeError("a bug")

    async def scenario(commit: LoopCommit) -> None:
        with monkeypatch.context() as bug:
            bug.setattr(inbox, "copy_in", broken)
            told = await all_told([commit.add([new_batch()]) for _ in range(2)])
            assert [type(each) for each in told] == [RuntimeError, RuntimeError]
        await commit.add([new_batch()]).done

    run(scenario)


def test_a_loop_that_ends_amid_a_statement_leaves_a_usable_store(statements: list[int]) -> None:
    commit = LoopCommit()

    async def broken_off() -> None:
        with inbox_locked():
            commit.add([new_batch()])
            await until(lambda: statements)
            await asyncio.sleep(0)

    async def later() -> None:
        await commit.add([new_batch()]).done
        await commit.close(WAIT_S)

    asyncio.run(broken_off())
    asyncio.run(later())

    assert commit._gathering.count == 0
    assert InboxRow.objects.count() >= 1
