"""The list of steps, and what pages and partners get to see of a chunk."""

from datetime import timedelta

import pytest
from django.core.management import call_command
from django.core.management.base import SystemCheckError
from pytest_django import Settings

from cdp_project.kernel import clock
from events.pipeline import Chunk, PipelineError, load_steps, prepare
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
