"""Who was active: each person is counted once, whatever is merged and whoever wrote it."""

import threading
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pyroaring import BitMap

from cdp_project.kernel import bulk, clock
from cdp_project.kernel.buckets import bucket_of_number, time_ordered_id
from cdp_project.kernel.database import Connection, connect
from cdp_project.workspaces.environment import Environment
from events import active_days, tasks
from events.active_days import Active, active_people, count, merge
from events.models import ActiveDay, ActivePartial, Protection
from events.pipeline import Chunk, apply, load_steps
from events.processing import active_people as writing
from events.processing.runner import Runner
from tests import factories
from tests.shop import Shop, batch, custom_event

NOON = datetime(2025, 5, 5, 12, tzinfo=UTC)
DAY = NOON.date()


@pytest.fixture
def connection(transactional_db: None) -> Iterator[Connection]:
    with connect(autocommit=True) as opened:
        yield opened


def active(
    shop: Shop, first: date = DAY, last: date = DAY, environment: Environment = Environment.PRODUCTION
) -> Active:
    return active_people(shop.workspace.pk, environment, first, last)


def send(shop: Shop, *customers: str, at: datetime = NOON, environment: str = "production") -> None:
    with clock.frozen(at):
        shop.process(*(batch(custom_event(), customer=each, environment=environment) for each in customers))


def partial_rows() -> int:
    return ActivePartial.objects.count()


def test_people_are_counted_by_day_and_in_all(shop: Shop) -> None:
    tomorrow = NOON + timedelta(days=1)
    send(shop, "u-1", "u-2", "u-1")
    send(shop, "u-1", "u-3", at=tomorrow)

    assert active(shop) == Active(2, {shop.source.pk: 2}, {DAY: 2})
    found = active(shop, last=tomorrow.date())
    assert found == Active(3, {shop.source.pk: 3}, {DAY: 2, tomorrow.date(): 2})
    assert active(shop, first=date(2025, 5, 7), last=date(2025, 5, 9)) == Active(0, {}, {})


def test_a_person_on_two_inputs_is_one_person(shop: Shop) -> None:
    app = Shop(factories.platform(shop.workspace))
    send(shop, "u-1", "u-2")
    send(app, "u-2", "u-3")
    app.close()

    assert active(shop) == Active(3, {shop.source.pk: 2, app.source.pk: 2}, {DAY: 3})


def test_workspaces_and_environments_are_apart(shop: Shop) -> None:
    other = Shop(factories.feed(factories.workspace()))
    send(shop, "u-1")
    send(shop, "u-1", "u-2", environment="development")
    send(other, "u-1", "u-2", "u-3")
    other.close()

    assert [active(shop).total, active(shop, environment=Environment.DEVELOPMENT).total] == [1, 2]
    assert active(other).total == 3


def test_a_batch_without_events_counts_and_history_does_not(shop: Shop) -> None:
    with clock.frozen(NOON):
        then = clock.milliseconds(NOON - timedelta(hours=80))
        shop.post(batch(customer="u-1", user_attributes={"a": 1}))
        shop.post([batch(custom_event(timestamp_unixtime_ms=then), customer="u-2")], "v2/bulkevents/historical")
        shop.drain()

    assert len(shop.events()) == 1
    assert active(shop).total == 1


def test_whoever_is_turned_away_is_nobody(shop: Shop) -> None:
    shop.source.protection = Protection.UPDATE_ONLY
    shop.source.save()
    send(shop, "u-1")

    assert shop.outcomes() == {"person_unknown": 1}
    assert active(shop).total == 0


def test_nothing_is_written_of_people_who_are_known_today(shop: Shop) -> None:
    send(shop, "u-1", "u-2")
    known = partial_rows()
    send(shop, "u-1", "u-2", "u-1")
    assert partial_rows() == known
    send(shop, "u-1", at=NOON + timedelta(days=1))
    assert partial_rows() == known + 1


def test_what_was_not_committed_is_written_next_time(shop: Shop) -> None:
    @apply
    def fail(_chunk: Chunk) -> None:
        raise OSError("away")

    with clock.frozen(NOON):
        shop.post(batch(custom_event(), customer="u-1"))
        broken = Runner([*load_steps(), fail])
        with pytest.raises(OSError, match="away"):
            broken.drain()
        broken.close()
    assert active(shop).total == 0
    with clock.frozen(NOON + timedelta(minutes=1)):
        shop.drain()

    assert active(shop).total == 1


def test_a_process_remembers_no_more_than_it_may(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(writing, "PLACES_MOST", 0)
    send(shop, "u-1")
    send(shop, "u-1", environment="development")
    send(shop, "u-1")

    assert active(shop).total == 1
    assert active(shop, environment=Environment.DEVELOPMENT).total == 1


def test_merging_changes_no_count(shop: Shop, connection: Connection, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(active_days, "ROWS_MOST", 2)
    for number in range(7):
        send(shop, f"u-{number}", f"u-{number // 2}")
    before, rows = active(shop), partial_rows()
    assert merge(connection) == rows
    assert (partial_rows(), active(shop)) == (0, before)
    assert merge(connection) == 0

    (day,) = ActiveDay.objects.all()
    assert (day.bucket, day.input_id) == (bucket_of_number(shop.workspace.pk), shop.source.pk)
    send(shop, "u-7")
    assert active(shop).total == before.total + 1 == 8
    tasks.merge_active_people()
    assert (partial_rows(), active(shop).total) == (0, 8)


def test_a_merge_that_fails_half_way_has_not_begun(
    shop: Shop, connection: Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object, **__: object) -> None:
        raise OSError("away")

    send(shop, "u-1", "u-2")
    monkeypatch.setattr(bulk, "lookup", fail)
    with pytest.raises(OSError, match="away"):
        merge(connection)

    assert not ActiveDay.objects.exists()
    assert active(shop).total == 2


def test_nobody_is_missed_while_two_merge(workspace: object, connection: Connection) -> None:
    """People come one by one: each read finds all of those who were there, and none who is not."""
    come, stop, wrong = [0], threading.Event(), []

    def write() -> None:
        with connect(autocommit=True) as own:
            for number in range(300):
                row = (number % 3, time_ordered_id(NOON, number % 3), 7, 1, 8, DAY, BitMap([number]).serialize())
                bulk.insert(own, "active_partial", writing._COLUMNS, [row])
                come[0] += 1

    def move() -> None:
        with connect(autocommit=True) as own:
            while not stop.is_set():
                merge(own)

    threads = [threading.Thread(target=each) for each in (move, move, write)]
    for each in threads:
        each.start()
    while threads[-1].is_alive():
        before, found, after = come[0], active_people(7, Environment.PRODUCTION, DAY, DAY).total, come[0]
        if not before <= found <= after + 1:
            wrong.append((before, found, after))
    stop.set()
    for each in threads:
        each.join(30)
    merge(connection)

    assert wrong == []
    assert partial_rows() == 0
    assert active_people(7, Environment.PRODUCTION, DAY, DAY).total == 300


PARTS = st.lists(
    st.tuples(st.integers(1, 4), st.integers(0, 5), st.frozensets(st.integers(0, 200_000), max_size=20)), max_size=30
)


@given(PARTS)
def test_bitmaps_count_as_sets_do(parts: list[tuple[int, int, frozenset[int]]]) -> None:
    days = [DAY + timedelta(days=number) for number in range(6)]
    found = count((input_id, days[day], BitMap(people)) for input_id, day, people in parts)

    assert found.total == len({person for _, _, people in parts for person in people})
    assert found.by_input == {
        key: len({person for input_id, _, people in parts if input_id == key for person in people})
        for key in sorted({input_id for input_id, _, _ in parts})
    }
    assert found.by_day == {
        days[key]: len({person for _, day, people in parts if day == key for person in people})
        for key in sorted({day for _, day, _ in parts})
    }
