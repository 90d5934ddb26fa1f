"""SIGTERM to one process amid its work: it ends in time, what it did is recorded, its lanes are free at once."""

import signal
import subprocess
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from django.db import connection
from pytest_django.fixtures import Settings

from events.models import InboxRow, StoredEvent
from tests.faults.processes import environment, manage
from tests.post import Post
from tests.product import CHECKOUT, eventually
from tests.shop import Shop, batch, custom_event
from tests.sink import Misbehaviour, Received, Reply, Sink, running_sink

pytestmark = pytest.mark.timeout(120)

# What the supervisor grants before it ends a process.
STOP_MAY_TAKE_S = 5.0
PEOPLE = 12
TAKEN = """
SELECT (SELECT count(*) FROM lane WHERE lease_holder IS NOT NULL)
     + (SELECT count(*) FROM delivery_lane WHERE lease_holder IS NOT NULL)
"""


@pytest.fixture
def sink(settings: Settings) -> Iterator[Sink]:
    settings.CDP_DELIVERY_ALLOW = ["127.0.0.1/32"]
    with running_sink() as sink:
        yield sink


@contextmanager
def process(command: str) -> Iterator["subprocess.Popen[bytes]"]:
    running = subprocess.Popen(manage(command), cwd=CHECKOUT, env=environment())
    try:
        yield running
    finally:
        running.kill()
        running.wait(10)


def end(running: "subprocess.Popen[bytes]", *signals: signal.Signals) -> int:
    """The exit code; it must come in time."""
    for number in signals or (signal.SIGTERM,):
        running.send_signal(number)
    return running.wait(STOP_MAY_TAKE_S)


def interrupted(running: "subprocess.Popen[bytes]") -> int | None:
    """Its exit code after one more Ctrl-C."""
    running.send_signal(signal.SIGINT)
    return running.poll()


def lanes_taken() -> int:
    with connection.cursor() as cursor:
        cursor.execute(TAKEN)
        return int(cursor.fetchone()[0])


def test_a_pipeline_ends_its_chunk_and_frees_its_lanes(shop: Shop) -> None:
    waves = 60
    for wave in range(waves):
        bulk = [batch(custom_event(f"E{wave}"), customer=f"u-{n}") for n in range(100)]
        assert shop.post(bulk, "v2/bulkevents") == 202
    with process("run_pipeline") as running:
        eventually(StoredEvent.objects.count, lambda count: count > 0)
        assert end(running) == 0
    assert lanes_taken() == 0
    assert StoredEvent.objects.count() + InboxRow.objects.count() == waves * 100


def test_deliveries_wait_for_answers_under_way_and_record_them(shop: Shop, sink: Sink) -> None:
    asked = threading.Event()

    def slowly(_request: Received) -> Reply:
        asked.set()
        threading.Event().wait(0.05)
        return Reply()

    sink.script = slowly
    post = Post(shop)
    made = post.connect(sink)
    shop.process(*(batch(custom_event(f"E{wave}"), customer=f"u-{n}") for wave in range(10) for n in range(PEOPLE)))
    with process("run_deliveries") as running:
        assert asked.wait(30)
        assert end(running) == 0
    received = len(sink.requests)
    # Those that were on the way are recorded, not sent again.
    assert post.sums(made)["delivered"] == received
    assert lanes_taken() == 0
    with process("run_deliveries"):
        eventually(lambda: post.sums(made), lambda sums: sums == {"delivered": 10 * PEOPLE}, 60)
    assert len(sink.requests) == 10 * PEOPLE


def test_deliveries_do_not_wait_for_ever_and_repeat_under_the_same_id(shop: Shop, sink: Sink) -> None:
    sink.script = lambda _request: Misbehaviour.HANG
    post = Post(shop)
    made = post.connect(sink)
    shop.process(*(batch(custom_event("E"), customer=f"u-{n}") for n in range(PEOPLE)))
    with process("run_deliveries") as running:
        eventually(lambda: len(sink.requests), lambda count: count > 0)
        began_at = time.monotonic()
        assert end(running) == 0
    assert time.monotonic() - began_at < STOP_MAY_TAKE_S
    assert post.sums(made) == {"waiting": PEOPLE}
    assert lanes_taken() == 0
    begun = {request.headers["webhook-id"] for request in list(sink.requests)}
    sink.script = lambda _request: Reply()
    with process("run_deliveries"):
        eventually(lambda: post.sums(made), lambda sums: sums == {"delivered": PEOPLE}, 60)
    ids = {request.headers["webhook-id"] for request in sink.requests}
    assert begun <= ids
    assert len(ids) == PEOPLE


def test_a_second_interrupt_ends_a_process_at_once(shop: Shop, sink: Sink) -> None:
    sink.script = lambda _request: Misbehaviour.HANG
    post = Post(shop)
    post.connect(sink)
    shop.process(batch(custom_event("E"), customer="u-1"))
    with process("run_deliveries") as running:
        eventually(lambda: len(sink.requests), lambda count: count > 0)
        running.send_signal(signal.SIGINT)
        # The first is taken up when it is: one that comes before that is the same one to the system.
        eventually(lambda: interrupted(running), lambda code: code is not None, 3)
        assert running.returncode == -signal.SIGINT
