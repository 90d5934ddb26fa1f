"""Processes count each other over Valkey, and believe to be alone without it."""

from collections.abc import Iterator
from uuid import uuid4

import pytest
from pytest_django.fixtures import Settings

from cdp_project.kernel.presence import Presence


@pytest.fixture
def name() -> str:
    return f"test-{uuid4()}"


@pytest.fixture
def two(name: str) -> Iterator[tuple[Presence, Presence]]:
    first, second = Presence(name), Presence(name)
    yield first, second
    first.leave()
    second.leave()


def test_processes_see_each_other_come_and_go(two: tuple[Presence, Presence], name: str) -> None:
    first, second = two
    first.refresh()
    assert first.count == 1
    second.refresh()
    first.refresh()
    assert (first.count, second.count) == (2, 2)
    third = Presence(name)
    third.refresh()
    third.leave()
    first.refresh()
    assert first.count == 2


def test_who_was_not_seen_for_a_while_does_not_count(
    two: tuple[Presence, Presence], monkeypatch: pytest.MonkeyPatch
) -> None:
    first, second = two
    second.refresh()
    monkeypatch.setattr("cdp_project.kernel.presence.SEEN_FOR_S", -1.0)
    first.refresh()
    assert first.count == 1


def test_without_valkey_everybody_is_alone(settings: Settings, name: str) -> None:
    settings.REDIS_URL = "redis://127.0.0.1:1/0"
    presence = Presence(name)
    presence.refresh()
    assert presence.count == 1
    presence.leave()
