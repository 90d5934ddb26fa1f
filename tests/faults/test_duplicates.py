"""An id counts once: in two lanes at once, on both sides of a generation's border, after a kill before the answer."""

import http.client
import json
import select
import signal
import socket
import subprocess
import sys
from base64 import b64encode
from collections.abc import Iterator
from contextlib import closing, contextmanager
from datetime import UTC, datetime, timedelta
from uuid import UUID, uuid4

import pytest
from django.conf import settings

from cdp_project.kernel import clock
from events.intake.lane_key import lane_buckets
from events.models import Lane
from events.processing import duplicates
from tests.faults.processes import environment, waiting_for_locks, web
from tests.product import CHECKOUT, eventually, free_port
from tests.shop import Row, Shop, batch, custom_event

pytestmark = pytest.mark.timeout(120)

PAIRS = 100
ANSWERS_WITHIN_S = 30
FAR_AWAY = timedelta(days=400)


class Staged:
    """A pipeline process on a leash (tests.faults.staged_pipeline)."""

    def __init__(self, holder: UUID, at: datetime | None, *, holds: bool) -> None:
        more = [*(["--at", at.isoformat()] if at else []), *(["--hold"] if holds else [])]
        self._process = subprocess.Popen(
            [sys.executable, "-m", "tests.faults.staged_pipeline", "--holder", str(holder), *more],
            cwd=CHECKOUT,
            env=environment(),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )

    def expect(self, word: str) -> None:
        """Fail unless this is the next word, soon."""
        assert self.has_spoken(ANSWERS_WITHIN_S), f"no {word!r} in time"
        assert self._process.stdout is not None
        assert self._process.stdout.readline().strip() == word

    def has_spoken(self, within_s: float = 0) -> bool:
        assert self._process.stdout is not None
        return bool(select.select([self._process.stdout], [], [], within_s)[0])

    def go(self) -> None:
        assert self._process.stdin is not None
        self._process.stdin.write("\n")
        self._process.stdin.flush()

    def end(self) -> None:
        self._process.kill()
        self._process.communicate()


@contextmanager
def two_processes(clocks: tuple[datetime | None, datetime | None]) -> Iterator[tuple[Staged, Staged]]:
    """Each has half of the lanes; the first stops inside its transaction when it has claimed its ids."""
    holders = uuid4(), uuid4()
    for number, bucket in enumerate(lane_buckets(settings.CDP_LANES)):
        Lane.objects.update_or_create(
            bucket=bucket, defaults={"lease_holder": holders[number % 2], "leased_until": clock.now() + FAR_AWAY}
        )
    first = Staged(holders[0], clocks[0], holds=True)
    second = Staged(holders[1], clocks[1], holds=False)
    try:
        yield first, second
    finally:
        first.end()
        second.end()


def post_pairs(shop: Shop) -> None:
    """Every id twice, under two people of two lanes: half of them ids of batches, half ids of events."""
    first, second = two_customers(shop)
    for customer in (first, second):
        assert shop.post([one_of(number, customer) for number in range(PAIRS)], "v2/bulkevents") == 202
    assert sorted(count_by_lane(shop).values()) == [PAIRS, PAIRS]


def one_of(number: int, customer: str) -> Row:
    if number % 2:
        return batch(custom_event(number=number), customer=customer, source_request_id=f"r-{number}")
    return batch(custom_event(number=number, source_message_id=f"m-{number}"), customer=customer)


def two_customers(shop: Shop) -> tuple[str, str]:
    """Two people in lanes of both processes."""
    lanes = lane_buckets(settings.CDP_LANES)
    for number in range(100):
        assert shop.post(batch(customer=f"u-{number}")) == 202
    chosen: dict[int, str] = {}
    for number, row in enumerate(shop.rows("inbox")):
        chosen.setdefault(lanes.index(row["bucket"]) % 2, f"u-{number}")
    shop.drain()
    return chosen[0], chosen[1]


def count_by_lane(shop: Shop) -> dict[int, int]:
    counts: dict[int, int] = {}
    for row in shop.rows("inbox"):
        counts[row["bucket"]] = counts.get(row["bucket"], 0) + 1
    return counts


def next_border() -> datetime:
    """When the next generation of keys begins."""
    length_s = duplicates.GENERATION.total_seconds()
    return datetime.fromtimestamp((duplicates.generation_of(clock.now()) + 1) * length_s, UTC)


SIDES = [(None, None), (-1, 1), (1, -1), (-120, 120)]


@pytest.mark.parametrize("seconds", SIDES, ids=["now", "before-after", "after-before", "minutes-apart"])
def test_an_id_in_two_lanes_at_once_has_one_effect(shop: Shop, seconds: tuple[int | None, int | None]) -> None:
    post_pairs(shop)
    at = [None if offset is None else next_border() + timedelta(seconds=offset) for offset in seconds]
    with two_processes((at[0], at[1])) as (first, second):
        first.expect("ready")
        second.expect("ready")
        first.go()
        first.expect("claimed")
        second.go()
        # The second finds ids that the first has claimed and not committed: it has to wait for the end of that.
        eventually(lambda: second.has_spoken() or waiting_for_locks("tributary pipeline"), bool)
        assert not second.has_spoken()
        first.go()
        first.expect("done")
        second.expect("done")

    assert sorted(event["data"]["number"] for event in shop.events()) == list(range(PAIRS))
    assert shop.outcomes() == {"stored": PAIRS, "duplicate": PAIRS}
    # Batches under one id that name two people are told as such.
    assert shop.counts("conflict") == {"": PAIRS // 2}
    assert shop.waiting() == 0


@contextmanager
def serving(port: int, failpoints: str = "") -> Iterator["subprocess.Popen[bytes]"]:
    """One web process on the test's database."""
    process = subprocess.Popen(web(port), cwd=CHECKOUT, env=environment(CDP_FAILPOINTS=failpoints))
    try:
        yield process
    finally:
        process.kill()
        process.wait()


def post_by_http(port: int, shop: Shop, body: Row) -> int | None:
    """Upload over a connection of its own; None when it ended without an answer."""
    secret = b64encode(f"{shop.key.key}:{shop.key.secret}".encode()).decode()
    headers = {"Authorization": f"Basic {secret}", "Content-Type": "application/json"}
    try:
        with closing(http.client.HTTPConnection("127.0.0.1", port, timeout=20)) as connection:
            connection.request("POST", "/v2/events", json.dumps(body), headers)
            return connection.getresponse().status
    except (OSError, http.client.HTTPException):
        return None


def test_a_repeat_after_a_kill_between_commit_and_answer_has_no_second_effect(shop: Shop) -> None:
    sent = batch(custom_event(), customer="u-1", source_request_id="r-1", user_attributes={"visits": 1})
    port = free_port()
    with serving(port, "intake.before_answer=kill") as doomed:
        eventually(lambda: answers(port), bool)
        assert post_by_http(port, shop, sent) is None
        assert doomed.wait(20) == -signal.SIGKILL
    assert shop.waiting() == 1, "it was committed before the process died"
    with serving(port):
        eventually(lambda: answers(port), bool)
        assert post_by_http(port, shop, sent) == 202
    assert shop.waiting() == 2
    shop.drain()

    assert shop.outcomes() == {"stored": 1, "duplicate": 1}
    assert len(shop.events()) == 1
    assert len(shop.rows("batch")) == 1


def answers(port: int) -> bool:
    """Whether somebody listens there."""
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0
