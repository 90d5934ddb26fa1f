"""How long an id is remembered, with the chores running day by day: at least 29 days, and not for ever."""

from collections.abc import Iterator
from datetime import timedelta

import pytest

from cdp_project.kernel import clock, partitions
from cdp_project.kernel.database import connect
from events import tasks
from events.intake.desk import desk
from events.processing import duplicates
from tests.shop import Row, Shop, batch, custom_event

DAY = timedelta(days=1)
KINDS = [{"source_request_id": "r-1"}, {}]


@pytest.fixture
def _later_days() -> Iterator[None]:
    yield
    # Numbers of acceptance never go back: without this, later tests would get those of that day.
    desk.start_anew()


def generations() -> list[str]:
    with connect(autocommit=True) as connection:
        return partitions.partitions_of(connection, "seen")


def live_a_day(shop: Shop, day: int, sent: Row) -> None:
    """The chores as the schedule runs them, and one upload."""
    with clock.frozen(clock.now() + day * DAY):
        tasks.make_day_partitions()
        tasks.drop_old_partitions()
        shop.process(sent)


@pytest.mark.usefixtures("_later_days")
@pytest.mark.parametrize("fields", KINDS, ids=["batch", "event"])
def test_an_id_is_known_every_day_of_the_next_29_and_forgotten_after_40(shop: Shop, fields: Row) -> None:
    message = {} if fields else {"source_message_id": "m-1"}
    sent = batch(custom_event(**message), customer="u-1", **fields)
    for day in range(30):
        live_a_day(shop, day, sent)
    assert shop.outcomes() == {"stored": 1, "duplicate": 29}
    first = generations()[0]

    live_a_day(shop, 41, sent)
    assert shop.outcomes() == {"stored": 2, "duplicate": 29}
    assert first not in generations()
    assert len(generations()) <= duplicates.KEPT + 1
