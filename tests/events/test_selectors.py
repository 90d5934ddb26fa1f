"""The list over everybody: newest first, page by page, across days, and nobody else's."""

from datetime import timedelta
from uuid import UUID

import pytest

from cdp_project.kernel import clock
from cdp_project.workspaces.environment import Environment
from events.selectors import newest_events
from tests import factories
from tests.shop import Shop, batch, custom_event

PRODUCTION = Environment.PRODUCTION


def names(shop: Shop, before: UUID | None = None, limit: int = 100) -> list[str]:
    return [event.name for event in newest_events(shop.workspace.pk, PRODUCTION, before, limit)]


def send_at(shop: Shop, days_ago: int, *sent: str) -> None:
    with clock.frozen(clock.now() - timedelta(days=days_ago)):
        for number, name in enumerate(sent):
            shop.process(batch(custom_event(name), customer=f"u-{number}"))


def test_events_come_newest_first_across_days(shop: Shop) -> None:
    send_at(shop, 40, "Oldest")
    send_at(shop, 3, "Older")
    send_at(shop, 1, "Yesterday")
    send_at(shop, 0, "Today")

    assert names(shop) == ["Today", "Yesterday", "Older", "Oldest"]
    assert names(shop, limit=3) == ["Today", "Yesterday", "Older"]


def test_pages_follow_each_other_without_gap_or_repeat(shop: Shop) -> None:
    send_at(shop, 2, *(f"Old {number}" for number in range(4)))
    send_at(shop, 0, *(f"New {number}" for number in range(4)))
    everything = names(shop)
    found: list[str] = []
    before = None
    while page := newest_events(shop.workspace.pk, PRODUCTION, before, 3):
        found += [event.name for event in page]
        before = page[-1].event_id

    assert found == everything
    assert len(set(found)) == 8


def test_other_workspaces_and_environments_are_not_in_it(shop: Shop) -> None:
    neighbour = Shop(factories.feed(factories.workspace()))
    neighbour.process(batch(custom_event("Foreign"), customer="u-1"))
    neighbour.runner.close()
    shop.process(
        batch(custom_event("Own"), customer="u-1"),
        batch(custom_event("Try"), customer="u-1", environment="development"),
    )

    assert names(shop) == ["Own"]
    assert [event.name for event in newest_events(shop.workspace.pk, Environment.DEVELOPMENT, None, 10)] == ["Try"]


@pytest.mark.django_db
def test_an_id_beyond_the_calendar_is_refused() -> None:
    with pytest.raises(ValueError, match="out of range"):
        newest_events(1, PRODUCTION, UUID(int=2**128 - 1), 10)
