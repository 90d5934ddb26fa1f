"""A process that is killed while it gathers leaves everything where it was; the next one takes it once."""

import signal
import subprocess
import sys
from collections.abc import Iterator
from datetime import timedelta

import pytest
from pytest_django.fixtures import Settings

from cdp_project.kernel import clock
from connections.models import OutboxDelivery
from tests.faults.processes import environment
from tests.post import Post
from tests.product import CHECKOUT
from tests.shop import Shop, batch, custom_event
from tests.sink import Sink, running_sink

pytestmark = pytest.mark.timeout(180)

PEOPLE, WAVES = 20, 6
CHORE = "import django; django.setup(); from connections.tasks import open_gathered; open_gathered()"
LONG_AGO = timedelta(minutes=11)


@pytest.fixture
def sink(settings: Settings) -> Iterator[Sink]:
    settings.CDP_DELIVERY_ALLOW = ["127.0.0.1/32"]
    with running_sink() as sink:
        yield sink


def run_chore(failpoints: str = "") -> int:
    """The chore in a process of its own; its exit code."""
    running = environment(CDP_FAILPOINTS=failpoints, DJANGO_SETTINGS_MODULE="cdp_project.settings")
    return subprocess.run([sys.executable, "-c", CHORE], cwd=CHECKOUT, env=running, timeout=60, check=False).returncode


def test_killed_chores_lose_and_double_nothing(shop: Shop, sink: Sink) -> None:
    post = Post(shop)
    made = post.connect(sink, send="batch", gather="ten_minutes")
    for wave in range(WAVES):
        with clock.frozen(clock.now() - LONG_AGO):
            shop.process(*(batch(custom_event(f"E{wave}"), customer=f"u-{n}") for n in range(PEOPLE)))

    before = list(OutboxDelivery.objects.values().order_by("chunk_id"))
    assert run_chore("gather.before_commit=kill") == -signal.SIGKILL
    assert list(OutboxDelivery.objects.values().order_by("chunk_id")) == before
    # Between lines: some are done by then.
    assert run_chore("gather.before_commit=kill:0.3") in {0, -signal.SIGKILL}
    assert post.sums(made) == {"waiting": PEOPLE * WAVES}
    assert run_chore() == 0
    post.deliver()

    arrived = {
        request.json["user_identities"][0]["identity"]: [each["data"]["event_name"] for each in request.json["events"]]
        for request in sink.requests
    }
    assert len(sink.requests) == PEOPLE
    assert arrived == {f"u-{n}": [f"E{wave}" for wave in range(WAVES)] for n in range(PEOPLE)}
    assert post.sums(made) == {"delivered": PEOPLE * WAVES}
    assert post.left() == {"outbox_chunk": 0, "outbox_delivery": 0, "delivery_exception": 0}
