"""Killed deliveries lose nothing, keep the order of each person, and repeat under the same id."""

import signal
import subprocess
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from pytest_django.fixtures import Settings

from tests.faults.processes import environment, manage, sessions
from tests.post import Post
from tests.product import CHECKOUT, eventually
from tests.shop import Shop, batch, custom_event
from tests.sink import Sink, running_sink

pytestmark = pytest.mark.timeout(180)

PEOPLE, WAVES = 20, 5
KILLS = "delivery.before_send=kill:0.03,delivery.after_send=kill:0.03,delivery.before_record=kill:0.3"
DEATHS_WANTED = 2


@pytest.fixture
def sink(settings: Settings) -> Iterator[Sink]:
    settings.CDP_DELIVERY_ALLOW = ["127.0.0.1/32"]
    with running_sink() as sink:
        yield sink


@contextmanager
def process(failpoints: str = "") -> Iterator["subprocess.Popen[bytes]"]:
    """One `manage.py run_deliveries`, ended at the end of the block."""
    running = subprocess.Popen(manage("run_deliveries"), cwd=CHECKOUT, env=environment(CDP_FAILPOINTS=failpoints))
    try:
        yield running
    finally:
        running.kill()
        running.wait(10)


def first_arrivals(sink: Sink) -> dict[str, list[str]]:
    """Names of events by person, in the order in which they came for the first time."""
    found: dict[str, dict[str, None]] = {}
    for request in list(sink.requests):
        (identity,) = request.json["user_identities"]
        found.setdefault(identity["identity"], {})[request.json["events"][0]["data"]["event_name"]] = None
    return {person: list(names) for person, names in found.items()}


def test_killed_processes_lose_nothing(shop: Shop, sink: Sink) -> None:
    post = Post(shop)
    made = post.connect(sink)
    shop.process(*(batch(custom_event(f"E{wave}"), customer=f"u-{n}") for wave in range(WAVES) for n in range(PEOPLE)))

    deaths = 0
    while deaths < DEATHS_WANTED and "waiting" in post.sums(made):
        with process(KILLS) as running:
            eventually(
                lambda: running.poll() is not None or "waiting" not in post.sums(made), lambda is_over: is_over, 60
            )
            deaths += running.returncode == -signal.SIGKILL
    with process() as first, process() as second:
        eventually(lambda: post.sums(made), lambda sums: sums == {"delivered": PEOPLE * WAVES}, 60)
        eventually(lambda: sessions("tributary deliveries"), lambda count: count == 2, 60)
        for running in (first, second):
            running.send_signal(signal.SIGTERM)
        assert [running.wait(20) for running in (first, second)] == [0, 0]

    assert deaths > 0
    ids = Counter(request.headers["webhook-id"] for request in sink.requests)
    assert len(ids) == PEOPLE * WAVES
    assert first_arrivals(sink) == {f"u-{n}": [f"E{wave}" for wave in range(WAVES)] for n in range(PEOPLE)}
    assert post.left() == {"outbox_chunk": 0, "outbox_delivery": 0, "delivery_exception": 0}
