"""The fast lane under pressure: bounded in number and bytes, never blocked by what it asks for, and ended in order."""

import asyncio
import gzip
import threading
from collections import Counter
from collections.abc import Awaitable, Callable, Iterator
from types import SimpleNamespace

import pytest
from django.db import connections
from pytest_django import Settings

from cdp_project.application import Application
from cdp_project.kernel import clock
from events.intake import keys, loop_waits, rate_limit, waits
from events.intake.desk import desk
from events.intake.issuing import issue_key
from events.intake.keys import KeyHolder, KeyRing
from events.models import InboxRow, InputKey
from tests.cdp_project.asgi_client import Answer, Pieces, ask, scope_of
from tests.events.conftest import Intake, basic, intake
from tests.events.intake.test_group_commit import inbox_locked

__all__ = ["intake"]

WAIT_S = 60
PERSON = b'{"user_identities":{"customer_id":"c-%d"},"events":[]}'


@pytest.fixture
def application(settings: Settings, transactional_db: None) -> Iterator[Application]:
    settings.CDP_FAST_LANE = True
    made = Application()
    yield made
    assert made._lane.under_way == 0
    assert made._bodies.held == 0


def run(application: Application, scenario: Callable[[], Awaitable[None]]) -> None:
    async def whole() -> None:
        try:
            async with asyncio.timeout(WAIT_S):
                await scenario()
        finally:
            await application.close()

    asyncio.run(whole())


async def post(application: Application, authorization: str, body: bytes = b"{}", **headers: str) -> Answer:
    return await ask(application, "POST", "/v2/events", [body], {"authorization": authorization, **headers})


async def until(holds: Callable[[], object]) -> None:
    while not holds():
        await asyncio.sleep(0.001)


def test_thousands_of_requests_against_a_store_that_hangs(
    application: Application, intake: Intake, settings: Settings
) -> None:
    settings.CDP_INTAKE_WAITING_REQUESTS = 300

    async def scenario() -> None:
        await post(application, intake.authorization)
        with inbox_locked():
            tasks = [
                asyncio.create_task(post(application, intake.authorization, PERSON % number)) for number in range(4000)
            ]
            await until(lambda: sum(task.done() for task in tasks) >= 3700)
            assert application._lane.under_way <= 300
            assert (await ask(application, "GET", "/healthz")).status == 200
            refused = [task.result() for task in tasks if task.done()]
            assert Counter(answer.status for answer in refused) == {503: 3700}
            assert {answer.headers["retry-after"] for answer in refused} == {"1"}
        answers = await asyncio.gather(*tasks)
        assert Counter(answer.status for answer in answers) == {503: 3700, 202: 300}

    run(application, scenario)

    rows = list(InboxRow.objects.all())
    assert len(rows) == 301
    assert len({bytes(row.body) for row in rows}) == 301


def test_a_store_that_does_not_answer_in_time_is_503(
    application: Application, intake: Intake, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def scenario() -> None:
        await post(application, intake.authorization)
        with inbox_locked(), monkeypatch.context() as patch:
            patch.setattr(waits, "STORE_WAIT_S", 0.2)
            first = asyncio.create_task(post(application, intake.authorization))
            await asyncio.sleep(0)
            await until(lambda: application._lane.under_way)
            await asyncio.sleep(0.05)
            second = await post(application, intake.authorization)
            assert ((await first).status, second.status) == (503, 503)
            assert second.headers["retry-after"] == "5"
        await until(lambda: application._lane._desk.group_commit._task is None)
        assert (await post(application, intake.authorization)).status == 202

    run(application, scenario)

    # The first was in the database's hands, so nobody knows; the second never got there.
    assert InboxRow.objects.count() == 3


def test_what_is_inflated_counts_while_it_waits(
    application: Application, intake: Intake, monkeypatch: pytest.MonkeyPatch
) -> None:
    application._bodies.total_bytes_most = 600_000
    bomb = gzip.compress(b" " * 200_000)
    may_end = threading.Event()
    monkeypatch.setattr(desk.keys, "_read", lambda _key: may_end.wait(WAIT_S) and None)

    async def scenario() -> None:
        shown = [basic(f"nobody-{number}", "x") for number in range(20)]
        encoding = {"content-encoding": "gzip"}
        tasks = [asyncio.create_task(post(application, each, bomb, **encoding)) for each in shown]
        await until(lambda: sum(task.done() for task in tasks) >= 18)
        assert application._bodies.held <= 600_000
        may_end.set()
        assert Counter([(await task).status for task in tasks]) == {503: 18, 403: 2}

    run(application, scenario)


def test_of_a_million_keys_only_what_may_come_is_read(application: Application, intake: Intake) -> None:
    pieces = Pieces([b'"some key":0,' * 5_000] * 200)
    answer = Answer()

    async def scenario() -> None:
        await application(scope_of("POST", "/v2/events", {"authorization": intake.authorization}), pieces, answer.take)

    run(application, scenario)

    assert answer.status == 413
    assert len(pieces._left) >= 194


def test_a_key_that_is_looked_up_holds_up_nobody_who_is_known(
    application: Application, intake: Intake, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(loop_waits, "STRANGERS_MOST", 5)
    may_end = threading.Event()

    def hang(_key: str) -> None:
        may_end.wait(WAIT_S)

    async def scenario() -> None:
        await post(application, intake.authorization)
        monkeypatch.setattr(desk.keys, "_read", hang)
        shown = [basic(f"nobody-{number}", "x") for number in range(9)]
        strangers = [asyncio.create_task(post(application, each)) for each in shown]
        await until(lambda: sum(task.done() for task in strangers) == 4)
        assert {task.result().status for task in strangers if task.done()} == {503}
        with monkeypatch.context() as patch:
            patch.setattr(keys, "time", SimpleNamespace(monotonic=lambda: 0.0))
            assert (await post(application, intake.authorization)).status == 202
        may_end.set()
        assert Counter([(await task).status for task in strangers]) == {503: 4, 403: 5}

    run(application, scenario)


def test_a_look_up_that_hangs_is_503_in_time(
    application: Application, intake: Intake, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(loop_waits, "LOOK_UP_WAIT_S", 0.1)
    may_end = threading.Event()
    monkeypatch.setattr(desk.keys, "_read", lambda _key: may_end.wait(WAIT_S) and None)

    async def scenario() -> None:
        answers = await asyncio.gather(*(post(application, intake.authorization) for _ in range(3)))
        # One look-up for all three, which still goes on.
        assert ([answer.status for answer in answers], len(application._lane._desk.finding)) == ([503] * 3, 1)
        may_end.set()
        await until(lambda: not application._lane._desk.finding)

    run(application, scenario)

    assert InboxRow.objects.count() == 0


def test_an_ended_key_and_an_input_that_is_off_are_refused_within_two_seconds_everywhere(
    application: Application, intake: Intake, monkeypatch: pytest.MonkeyPatch
) -> None:
    at = [1000.0]
    monkeypatch.setattr(keys, "time", SimpleNamespace(monotonic=lambda: at[0]))
    second = issue_key(intake.source, clock.now())
    processes = [KeyRing(), KeyRing()]

    async def statuses(authorization: str) -> list[int]:
        found = []
        for ring in processes:
            monkeypatch.setattr(desk, "keys", ring)
            found.append((await post(application, authorization)).status)
        return found

    async def scenario() -> None:
        other = basic(second.key, second.secret)
        assert await statuses(intake.authorization) == await statuses(other) == [202, 202]
        await asyncio.to_thread(change, InputKey.objects.filter(key=second.key).update, expires_at=clock.now())
        at[0] += 2
        assert (await statuses(intake.authorization), await statuses(other)) == ([202, 202], [403, 403])
        intake.source.is_active = False
        await asyncio.to_thread(change, intake.source.save)
        at[0] += 2
        assert await statuses(intake.authorization) == [403, 403]

    try:
        run(application, scenario)
    finally:
        for ring in processes:
            ring.forget()

    assert InboxRow.objects.count() == 6


def change(write: Callable[..., object], **values: object) -> None:
    """In a thread, with a connection that ends with it."""
    try:
        write(**values)
    finally:
        connections["default"].close()


def test_an_outage_of_valkey_lets_limited_inputs_through(
    application: Application, intake: Intake, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(rate_limit, "_health", rate_limit._Health())
    settings.REDIS_URL = "redis://127.0.0.1:1/0"
    intake.source.batches_per_second_most = 1
    intake.source.save()

    async def scenario() -> None:
        answers = [await post(application, intake.authorization) for _ in range(3)]
        assert [answer.status for answer in answers] == [202, 202, 202]

    run(application, scenario)


def test_a_limit_is_asked_for_beside_the_loop(
    application: Application, intake: Intake, monkeypatch: pytest.MonkeyPatch
) -> None:
    intake.source.batches_per_second_most = 1000
    intake.source.save()
    may_end, asked = threading.Event(), threading.Event()

    def take(_holder: KeyHolder, _batches: int, _now: object) -> int:
        asked.set()
        may_end.wait(WAIT_S)
        return 12

    monkeypatch.setattr("events.intake.rate_limit.take", take)

    async def scenario() -> None:
        task = asyncio.create_task(post(application, intake.authorization))
        await until(asked.is_set)
        assert (await ask(application, "GET", "/healthz")).status == 200
        may_end.set()
        answer = await task
        assert (answer.status, answer.headers["x-mp-rate-limit-percentage-used"]) == (202, "12")

    run(application, scenario)


def test_the_end_waits_for_what_is_being_stored(application: Application, intake: Intake) -> None:
    async def scenario() -> None:
        await post(application, intake.authorization)
        with inbox_locked():
            under_way = [asyncio.create_task(post(application, intake.authorization)) for _ in range(5)]
            await until(lambda: application._lane.under_way == 5)
            end = asyncio.create_task(application.close())
            await asyncio.sleep(0.05)
            assert not end.done()
        await end
        assert [(await task).status for task in under_way] == [202] * 5

    run(application, scenario)

    assert InboxRow.objects.count() == 6
