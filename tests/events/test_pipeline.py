"""The list of steps, and what pages and partners get to see of a chunk."""

from collections.abc import Mapping, Sequence
from contextlib import closing
from datetime import timedelta
from typing import Any

import pytest
from django.core.management import call_command
from django.core.management.base import SystemCheckError
from pytest_django import Settings

from cdp_project.kernel import clock
from cdp_project.kernel.live import SAMPLE_MOST, publisher
from events.pipeline import Chunk, PipelineError, apply, load_steps, prepare
from events.processing.runner import Runner
from tests import factories
from tests.shop import Shop, batch, custom_event


@prepare
def too_late(_chunk: Chunk) -> None:
    """A prepare step that is listed after an apply step."""


def no_step(_chunk: Chunk) -> None:
    """Not declared."""


@pytest.mark.parametrize("path", [f"{__name__}.no_step", f"{__name__}.absent"])
def test_a_path_that_is_no_step_is_named(path: str) -> None:
    with pytest.raises(PipelineError, match=path):
        load_steps([path])


def test_a_wrong_list_stops_the_start(settings: Settings) -> None:
    settings.CDP_PIPELINE = [*settings.CDP_PIPELINE, f"{__name__}.too_late"]
    with pytest.raises(SystemCheckError, match=r"events\.E001"):
        call_command("check")


def test_only_apply_steps_have_a_transaction(shop: Shop) -> None:
    chunk = Chunk(0, clock.now(), [])
    with pytest.raises(RuntimeError, match="Only apply steps"):
        _ = chunk.transaction


Frame = tuple[str, Sequence[Mapping[str, Any]], int | None]


@pytest.fixture
def frames(monkeypatch: pytest.MonkeyPatch) -> list[Frame]:
    """What is handed to open pages."""
    found: list[Frame] = []
    monkeypatch.setattr(publisher, "add", lambda group, rows, count=None: found.append((group, rows, count)))
    return found


def test_open_pages_see_stored_events(shop: Shop, frames: list[Frame]) -> None:
    hostile = "<script>alert(1)</script>"
    shop.process(batch(custom_event(hostile), customer="u-1"))

    ((group, (row,), count),) = frames
    (event,) = shop.events()
    assert group == f"ws.{shop.workspace.pk}.production.feed"
    assert count == 1
    assert row == {
        "t": event["received_at"].isoformat(),
        "input": "Server",
        "type": "custom_event",
        "name": hostile,
        "mpid": str(event["mpid"]),
        "event_id": str(event["event_id"]),
        "state": "stored",
    }


def test_pages_get_a_sample_and_the_true_count(shop: Shop, frames: list[Frame]) -> None:
    for _ in range(30):
        shop.post(batch(*(custom_event() for _ in range(10)), customer="u-1"))
    shop.drain()

    assert sum(count or 0 for _, _, count in frames) == 300
    assert all(len(rows) <= SAMPLE_MOST for _, rows, _ in frames)


def test_pages_see_nothing_that_was_not_committed(shop: Shop, frames: list[Frame]) -> None:
    @apply
    def fail(_chunk: Chunk) -> None:
        raise OSError("away")

    shop.post(batch(custom_event(), customer="u-1"))
    with closing(Runner([*load_steps(), fail])) as broken, pytest.raises(OSError, match="away"):
        broken.drain()

    assert frames == []
    assert shop.events() == []


def test_what_a_connection_does_not_get_stands_on_the_event(shop: Shop) -> None:
    """EV 13: history reaches no event output."""
    connected = factories.connection(shop.source, factories.output(shop.workspace, url="http://127.0.0.1:9/"))
    then = clock.milliseconds(clock.now() - timedelta(hours=73))
    shop.post([batch(custom_event(timestamp_unixtime_ms=then), customer="u-1")], "v2/bulkevents/historical")
    shop.drain()
    assert [event["withheld"] for event in shop.events()] == [{str(connected.pk): "historical"}]
    assert shop.rows("outbox_chunk") == []

    shop.process(batch(custom_event(), customer="u-1"))
    assert [event["withheld"] for event in shop.events()][1:] == [None]
    assert [row["item_count"] for row in shop.rows("outbox_delivery")] == [1]
