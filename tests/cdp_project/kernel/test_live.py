"""Frames are few and their counts are true, whatever happens to the layer that carries them."""

from collections import Counter
from collections.abc import Callable
from typing import Any

import pytest
import redis

from cdp_project.kernel import live
from cdp_project.kernel.live import SAMPLE_MOST, Publisher
from tests.product import eventually


class Layer:
    """Keeps what is sent; `fails` times it is away."""

    def __init__(self, fails: int = 0) -> None:
        self.sent: list[tuple[str, dict[str, Any]]] = []
        self._fails = fails

    async def group_send(self, group: str, message: dict[str, Any]) -> None:
        if self._fails > 0:
            self._fails -= 1
            raise redis.ConnectionError("away")
        self.sent.append((group, message))

    def total(self, group: str) -> Counter[str]:
        """Counts of all frames of a group."""
        counts: Counter[str] = Counter()
        for name, message in self.sent:
            if name == group:
                counts.update(message["counts"])
        return counts


@pytest.fixture
def use(monkeypatch: pytest.MonkeyPatch) -> Callable[[Layer], Layer]:
    def using(layer: Layer) -> Layer:
        monkeypatch.setattr(live, "get_channel_layer", lambda: layer)
        monkeypatch.setattr(live, "FRAMES_PER_SECOND", 50)
        return layer

    return using


def rows(count: int) -> list[dict[str, int]]:
    return [{"n": number} for number in range(count)]


def test_many_additions_make_few_frames_with_true_counts(use: Callable[[Layer], Layer]) -> None:
    layer, publisher = use(Layer()), Publisher()
    for _ in range(2000):
        publisher.add("one", rows(3), {"stored": 5, "stopped": 1})
    publisher.add("two", rows(1), {"stored": 1})

    eventually(lambda: layer.total("one")["stored"], lambda stored: stored == 10_000)
    eventually(lambda: layer.total("two"), lambda counts: counts == {"stored": 1})
    assert layer.total("one") == {"stored": 10_000, "stopped": 2000}
    assert len(layer.sent) < 500
    assert all(len(message["sample"]) <= SAMPLE_MOST for _, message in layer.sent)


def test_only_the_newest_rows_are_shown(use: Callable[[Layer], Layer]) -> None:
    layer, publisher = use(Layer()), Publisher()
    publisher.add("one", rows(500), {"stored": 500})

    eventually(lambda: layer.sent, bool)
    assert [row["n"] for row in layer.sent[0][1]["sample"]] == list(range(500 - SAMPLE_MOST, 500))


def test_a_frame_that_was_lost_is_seen_by_its_number(use: Callable[[Layer], Layer]) -> None:
    layer, publisher = use(Layer(fails=1)), Publisher()
    publisher.add("one", rows(1), {"stored": 1})
    eventually(lambda: layer._fails, lambda left: left == 0)
    publisher.add("one", rows(1), {"stored": 1})

    eventually(lambda: layer.sent, bool)
    assert [message["seq"] for _, message in layer.sent] == [2]


def test_nothing_to_show_is_no_frame(use: Callable[[Layer], Layer]) -> None:
    layer, publisher = use(Layer()), Publisher()
    publisher.add("one", [], {"stored": 0})
    publisher.add("two", rows(1), {"stored": 1})

    eventually(lambda: layer.sent, bool)
    assert {group for group, _ in layer.sent} == {"two"}
