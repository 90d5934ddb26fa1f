"""The pipeline dies, is doubled, meets poison and outages; what was accepted is processed exactly once."""

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, suppress
from datetime import timedelta
from unittest import mock

import psycopg
import pytest

from cdp_project.kernel import clock, failpoints
from cdp_project.kernel.failpoints import InjectedFailure
from events.identity_types import IdentityType
from events.intake.desk import desk
from events.models import Lane
from events.pipeline import Chunk, Step, apply, load_steps, prepare
from events.processing import claim, lanes
from events.processing.claim import Overtaken
from events.processing.runner import Runner
from tests import factories
from tests.shop import Shop, batch, custom_event

PLACES = [
    "pipeline.prepared",
    "pipeline.taken",
    "pipeline.steps_done",
    "pipeline.before_commit",
    "pipeline.after_commit",
]


def fill(shop: Shop, count: int = 40) -> None:
    for number in range(count):
        shop.post(
            batch(
                custom_event(source_message_id=f"m-{number}"),
                customer=f"u-{number % 7}",
                source_request_id=f"r-{number}",
                user_attributes={f"a{number}": number},
            )
        )


def assert_processed_once(shop: Shop, count: int = 40) -> None:
    assert shop.waiting() == 0
    assert sorted(event["data"]["source_message_id"] for event in shop.events()) == sorted(
        f"m-{number}" for number in range(count)
    )
    assert shop.outcomes() == {"stored": count}
    assert sum(len(profile["attributes"]) for profile in shop.profiles()) == count
    assert len(shop.profiles()) == 7
    assert shop.rows("quarantine") == []


@pytest.mark.parametrize("place", PLACES)
def test_a_runner_that_dies_leaves_nothing_half_done(shop: Shop, place: str, monkeypatch: pytest.MonkeyPatch) -> None:
    def process_until_it_dies(probability: float) -> None:
        monkeypatch.setattr(failpoints, "_failures", failpoints._parse(f"{place}=error:{probability}"))
        with closing(Runner(holder=shop.runner._holder)) as runner:
            runner.drain()

    fill(shop)
    monkeypatch.setattr(claim, "CHUNK_EVENTS_MOST", 1)  # Of each lane in turn, so that there are many chunks.
    for _ in range(2):
        with pytest.raises(InjectedFailure):
            process_until_it_dies(1)
    for _ in range(6):
        with suppress(InjectedFailure):
            process_until_it_dies(0.5)
    monkeypatch.setattr(failpoints, "_failures", {})
    shop.drain()

    assert_processed_once(shop)


def test_two_runners_at_once_do_no_work_twice(shop: Shop) -> None:
    fill(shop)
    runners = [Runner() for _ in range(4)]
    with ThreadPoolExecutor(4) as pool:
        list(pool.map(Runner.drain, runners))
    for runner in runners:
        runner.close()
    shop.drain()

    assert_processed_once(shop)


def test_a_chunk_read_by_two_is_committed_by_one(shop: Shop) -> None:
    """The other process takes the lane's rows between our look and our transaction."""
    fill(shop)
    other = Runner(holder=shop.runner._holder)

    @prepare
    def overtaken(_chunk: Chunk) -> None:
        other.drain()

    slow = Runner([overtaken, *load_steps()], holder=shop.runner._holder)
    slow.drain()
    for runner in (other, slow):
        runner.close()

    assert_processed_once(shop)


def with_step(shop: Shop, decide: Callable[[Chunk], None]) -> Runner:
    """A runner whose last step is `decide`."""
    shop.runner.close()
    step: Step = apply(decide)
    shop.runner = Runner([*load_steps(), step])
    return shop.runner


def poisoned_by(name: str) -> Callable[[Chunk], None]:
    def fail(chunk: Chunk) -> None:
        for context in chunk.open():
            if any(item.event.name.startswith(name) for item in context.items):
                raise ZeroDivisionError("a secret of the batch")

    return fail


def test_one_poisonous_batch_is_put_aside_and_its_neighbours_go_on(shop: Shop) -> None:
    with_step(shop, poisoned_by("bad"))
    sent = [batch(custom_event("good"), customer="u-1") for _ in range(30)]
    sent[17] = batch(custom_event("bad"), custom_event("with it"), customer="u-1")
    shop.process(*sent)

    (kept,) = shop.rows("quarantine")
    assert (kept["reason"], kept["detail"], kept["event_count"]) == ("poison", "builtins.ZeroDivisionError", 2)
    assert b"bad" in bytes(kept["body"])
    assert shop.outcomes() == {"stored": 29, "poison": 2}
    assert len(shop.events()) == 29
    assert shop.waiting() == 0


@pytest.fixture
def second(shop: Shop) -> Shop:
    """Another input of the same workspace."""
    return Shop(factories.feed(shop.workspace, "Second"), shop.runner)


def post_bad(*shops: Shop, count: int) -> None:
    """Batches of one person that fail, from these inputs in turn."""
    for number in range(count):
        assert shops[number % len(shops)].post(batch(custom_event("bad"), customer="u-1")) == 202


def test_a_lane_that_is_mostly_poison_halts_and_loses_nothing(shop: Shop, second: Shop) -> None:
    with_step(shop, poisoned_by("bad"))
    for _ in range(10):
        assert shop.post(batch(custom_event("good"), customer="u-1")) == 202
    post_bad(shop, second, count=10)
    shop.drain()

    assert shop.waiting() == 10
    assert shop.outcomes() == {"stored": 10}
    assert shop.rows("quarantine") == []
    (lane,) = Lane.objects.exclude(halted_at=None)
    assert lane.halted_reason == "10 of 20 batches fail: builtins.ZeroDivisionError"
    # A halted lane waits, also for a runner that could do it.
    shop.drain()
    assert shop.waiting() == 10


def test_the_poison_of_one_input_stops_nobody(shop: Shop, second: Shop) -> None:
    with_step(shop, poisoned_by("bad"))
    post_bad(shop, count=10)
    second.post(batch(custom_event("good"), customer="u-1"))
    shop.drain()
    post_bad(shop, count=60)
    second.post(batch(custom_event("good"), customer="u-1"))
    shop.drain()

    assert shop.waiting() == 0
    assert shop.outcomes() == {"stored": 2, "poison": 70}
    assert not Lane.objects.exclude(halted_at=None).exists()


def test_a_halted_lane_goes_on_when_it_is_resumed(shop: Shop, second: Shop) -> None:
    with_step(shop, poisoned_by("bad"))
    post_bad(shop, second, count=10)
    shop.drain()
    assert shop.waiting() == 10
    Lane.objects.update(halted_at=None)
    with_step(shop, lambda _chunk: None)
    shop.drain()

    assert shop.waiting() == 0
    assert shop.outcomes() == {"stored": 10}


def test_single_poison_in_a_quiet_lane_does_not_halt_it_but_a_series_of_several_inputs_does(
    shop: Shop, second: Shop
) -> None:
    with_step(shop, poisoned_by("bad"))
    for sender in (shop, second, shop, second):
        post_bad(sender, count=1)
        shop.drain()
    assert shop.outcomes() == {"poison": 4}
    post_bad(shop, count=1)
    shop.drain()

    assert shop.waiting() == 1
    assert shop.outcomes() == {"poison": 4}


def test_an_error_after_the_commit_is_no_failure_of_the_chunk(shop: Shop) -> None:
    told: list[str] = []

    def fail() -> None:
        raise ZeroDivisionError("nobody listens")

    def tell(chunk: Chunk) -> None:
        chunk.after_commit[:0] = [fail, lambda: told.append("told")]

    with_step(shop, tell)
    for number in range(10):
        shop.process(batch(custom_event(), customer=f"u-{number}"))

    assert len(told) == 10
    assert shop.outcomes() == {"stored": 10}
    assert shop.rows("quarantine") == []
    assert not any(shop.runner._watch._recent[bucket].count(shop.source.pk) for bucket in shop.runner._watch._recent)


@pytest.mark.parametrize(
    "error",
    [
        psycopg.OperationalError("the server closed the connection"),
        psycopg.errors.DeadlockDetected("deadlock"),
        psycopg.errors.DiskFull("no space left"),
        psycopg.errors.ReadOnlySqlTransaction("failing over"),
        psycopg.errors.UndefinedColumn("old schema"),
        OSError("too many open files"),
    ],
    ids=lambda error: type(error).__name__,
)
def test_an_outage_is_not_poison(shop: Shop, error: Exception) -> None:
    def away(_chunk: Chunk) -> None:
        raise error

    fill(shop)
    with_step(shop, away)
    with pytest.raises(type(error)):
        shop.drain()
    assert shop.waiting() == 40
    assert shop.rows("quarantine") == shop.events() == []
    holder = shop.runner._holder
    shop.runner.close()
    shop.runner = Runner(holder=holder)
    shop.drain()

    assert_processed_once(shop)


def test_a_connection_that_breaks_is_opened_again(shop: Shop) -> None:
    fill(shop)
    assert shop.runner.turn()
    shop.runner._database.get().close()
    shop.drain()

    assert_processed_once(shop)


@pytest.fixture
def _frozen() -> Iterator[None]:
    with clock.frozen(clock.now() + timedelta(days=3)):
        yield
    # Numbers of acceptance never go back: without this, later tests would get those of that day.
    desk.start_anew()


@pytest.mark.usefixtures("_frozen")
def test_a_day_without_partition_gets_one_from_the_runner(shop: Shop) -> None:
    fill(shop)
    shop.drain()

    assert_processed_once(shop)
    assert {event["day"] for event in shop.events()} == {clock.day_of(clock.now())}


def test_a_lane_left_by_a_dead_process_is_taken_over_when_its_lease_ends(
    shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    fill(shop)
    monkeypatch.setattr(claim, "CHUNK_EVENTS_MOST", 1)
    shop.runner.turn()
    Lane.objects.update(
        lease_holder="00000000-0000-0000-0000-000000000001", leased_until=clock.now() + timedelta(minutes=1)
    )
    shop.drain()
    waiting = shop.waiting()
    assert waiting
    with clock.frozen(clock.now() + timedelta(minutes=2)):
        shop.drain()

    assert_processed_once(shop)


def test_poison_in_one_lane_keeps_no_other_lane_waiting(shop: Shop) -> None:
    fill(shop)
    done: list[set[int]] = []

    @apply
    def choke(chunk: Chunk) -> None:
        if any(context.batch.identities.get(IdentityType.CUSTOMER_ID) == "u-3" for context in chunk.contexts):
            raise ZeroDivisionError
        done.append({context.accepted.bucket for context in chunk.contexts})

    (poisoned,) = {row["bucket"] for row in shop.rows("inbox") if b'"u-3"' in bytes(row["body"])}
    lanes_filled = {row["bucket"] for row in shop.rows("inbox")}
    with closing(Runner([*load_steps(), choke], holder=shop.runner._holder)) as runner:
        runner.turn()

    # One try with all lanes, then one each; only the lane with the poison is taken apart.
    others = sorted(lanes_filled - {poisoned})
    assert sorted([*each] for each in done if poisoned not in each) == [[bucket] for bucket in others]
    assert {row["reason"] for row in shop.rows("quarantine")} == {"poison"}


def test_a_part_of_a_chunk_moves_no_mark_past_what_still_waits(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lanes, "LATE_COMMIT_MOST", timedelta())
    for number in range(4):
        shop.post(batch(custom_event(f"Event {number}"), customer="u-1"))
    first = min(row["accept_seq"] for row in shop.rows("inbox"))

    @apply
    def choke(chunk: Chunk) -> None:
        if any(item.event.name == "Event 0" for context in chunk.contexts for item in context.items):
            raise ZeroDivisionError

    with closing(Runner([*load_steps(), choke], holder=shop.runner._holder)) as runner:
        monkeypatch.setattr(runner, "_put_aside", mock.Mock(side_effect=Overtaken("as if killed")))
        runner.turn()

    assert shop.waiting() == 1
    assert Lane.objects.get(bucket=shop.rows("inbox")[0]["bucket"]).low_water <= first


def test_what_the_server_finds_too_large_is_poison_and_not_an_outage(shop: Shop) -> None:
    shop.post(batch(custom_event(), customer="u-1"))

    @apply
    def overdo(_chunk: Chunk) -> None:
        raise psycopg.errors.ProgramLimitExceeded("too much")

    with closing(Runner([*load_steps(), overdo], holder=shop.runner._holder)) as runner:
        runner.drain()

    assert [row["detail"] for row in shop.rows("quarantine")] == ["psycopg.errors.ProgramLimitExceeded"]
