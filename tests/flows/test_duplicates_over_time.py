"""How long an id is remembered, with the chores running day by day: at least 29 days, and not for ever."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest

from cdp_project.kernel import clock, partitions
from cdp_project.kernel.database import connect
from events import tasks
from events.intake.desk import desk
from events.processing import duplicates
from tests.shop import Row, Shop, batch, custom_event

DAY = timedelta(days=1)
KINDS = [{"source_request_id": "r-1"}, {}]
# Met at the end of a generation of keys an id is forgotten earliest, at its beginning latest.
SINCE_BORDER = [-2 * duplicates.BORDER, 2 * duplicates.BORDER]


@pytest.fixture
def _later_days() -> Iterator[None]:
    yield
    # Numbers of acceptance never go back: without this, later tests would get those of that day.
    desk.start_anew()


def generations() -> list[str]:
    with connect(autocommit=True) as connection:
        return partitions.partitions_of(connection, "seen")


def next_border() -> datetime:
    """When the next generation of keys begins."""
    length_s = duplicates.GENERATION.total_seconds()
    return datetime.fromtimestamp((duplicates.generation_of(clock.now()) + 1) * length_s, UTC)


def live_a_day(shop: Shop, day: datetime, sent: Row) -> None:
    """The chores as the schedule runs them, and one upload."""
    with clock.frozen(day):
        tasks.make_day_partitions()
        tasks.drop_old_partitions()
        shop.process(sent)


@pytest.mark.usefixtures("_later_days")
@pytest.mark.parametrize("fields", KINDS, ids=["batch", "event"])
@pytest.mark.parametrize("since_border", SINCE_BORDER, ids=["end", "beginning"])
def test_an_id_is_known_every_day_of_the_next_29_and_forgotten_after_40(
    shop: Shop, fields: Row, since_border: timedelta
) -> None:
    start = next_border() + since_border
    message = {} if fields else {"source_message_id": "m-1"}
    sent = batch(custom_event(**message), customer="u-1", **fields)
    for day in range(30):
        live_a_day(shop, start + day * DAY, sent)
    assert shop.outcomes() == {"stored": 1, "duplicate": 29}
    first = generations()[0]

    live_a_day(shop, start + 41 * DAY, sent)
    assert shop.outcomes() == {"stored": 2, "duplicate": 29}
    assert first not in generations()
    assert len(generations()) <= duplicates.KEPT + 1
