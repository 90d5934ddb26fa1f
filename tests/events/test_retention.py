"""Days and generations come and go as partitions."""

import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta

import pytest
from pytest_django import Settings

from cdp_project.kernel import clock, partitions
from cdp_project.kernel.buckets import BUCKETS
from cdp_project.kernel.database import Connection, connect
from events import retention, tasks
from events.models import Session
from events.processing import duplicates
from events.processing.storage import Storage
from tests.shop import Shop, batch, custom_event

NOW = datetime(2035, 5, 5, 12, tzinfo=UTC)
# Where batches are posted: numbers of acceptance never go back, and later tests would get those of a later day.
PAST = datetime(2025, 5, 5, 12, tzinfo=UTC)


@pytest.fixture
def connection(transactional_db: None) -> Iterator[Connection]:
    with connect(autocommit=True) as opened:
        drop_all(opened)
        yield opened
        drop_all(opened)


def drop_all(connection: Connection) -> None:
    for table in ("event", "batch", "seen", "delivery_attempt"):
        for name in [*partitions.partitions_of(connection, table), *partitions.left_behind(connection, table)]:
            partitions.drop_partition(connection, table, name)


def days(connection: Connection, table: str) -> list[str]:
    return [name.removeprefix(f"{table}_") for name in partitions.partitions_of(connection, table)]


def test_today_and_the_next_days_are_made_for_every_table_by_day(connection: Connection) -> None:
    retention.make_days_ahead(connection, NOW)
    retention.make_days_ahead(connection, NOW)

    for table in ("event", "batch", "delivery_attempt"):
        assert days(connection, table) == ["20350505", "20350506", "20350507"]


def test_of_two_who_drop_at_once_one_does_it(connection: Connection) -> None:
    retention.make_days_ahead(connection, NOW)
    names = partitions.partitions_of(connection, "event")
    start = threading.Barrier(2)

    def drop_each(_worker: int) -> list[bool]:
        with connect(autocommit=True) as own:
            start.wait(10)
            return [partitions.drop_partition(own, "event", name) for name in names]

    with ThreadPoolExecutor(2) as pool:
        dropped = list(pool.map(drop_each, range(2)))

    assert [sum(each) for each in zip(*dropped, strict=True)] == [1] * len(names)
    assert partitions.partitions_of(connection, "event") == partitions.left_behind(connection, "event") == []


def test_days_beyond_the_retention_time_are_dropped(connection: Connection, settings: Settings) -> None:
    settings.CDP_EVENT_RETENTION_DAYS = 30
    kept, old = clock.day_of(NOW - timedelta(days=30)), clock.day_of(NOW - timedelta(days=31))
    Storage().ensure(connection, {kept, old}, set())

    assert retention.drop_old(connection, NOW) == ["event_20350404", "batch_20350404"]
    assert days(connection, "event") == ["20350405"]
    assert retention.drop_old(connection, NOW) == []


def test_four_generations_are_kept(connection: Connection) -> None:
    current = duplicates.generation_of(NOW)
    Storage().ensure(connection, set(), {current - back for back in range(6)})
    retention.drop_old(connection, NOW)

    assert days(connection, "seen") == [str(current - back) for back in (3, 2, 1, 0)]


def test_a_drop_that_was_interrupted_is_finished(connection: Connection) -> None:
    Storage().ensure(connection, {clock.day_of(NOW - timedelta(days=500))}, set())
    (name,) = partitions.partitions_of(connection, "event")
    connection.execute(f"ALTER TABLE event DETACH PARTITION {name}".encode())

    assert retention.drop_old(connection, NOW) == ["event_20331221", "batch_20331221"]
    assert partitions.left_behind(connection, "event") == []


def test_processing_goes_on_after_a_partition_was_dropped_under_it(connection: Connection, shop: Shop) -> None:
    shop.process(batch(custom_event("before"), customer="u-1"))
    for table in ("event", "seen"):
        for name in partitions.partitions_of(connection, table):
            partitions.drop_partition(connection, table, name)
    shop.post(batch(custom_event("after"), customer="u-1"))
    with pytest.raises(Exception, match="does not exist"):
        shop.drain()
    shop.drain()

    assert [event["name"] for event in shop.events()] == ["after"]
    assert shop.rows("quarantine") == []


def test_sessions_go_with_the_events(connection: Connection, shop: Shop, settings: Settings) -> None:
    settings.CDP_EVENT_RETENTION_DAYS = 30
    for days_ago, session in ((31, "old"), (29, "young")):
        with clock.frozen(PAST - timedelta(days=days_ago)):
            shop.process(batch(custom_event(session_uuid=session), customer="u-1"))
    for hour in range(24):
        retention.forget_old_sessions(connection, PAST + timedelta(hours=hour - 12))

    assert [session.received_at for session in Session.objects.all()] == [PAST - timedelta(days=29)]


def test_each_bucket_is_looked_at_once_a_day(connection: Connection, monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[int] = []

    def look(_connection: Connection, _statement: str, bucket: int, _before: datetime) -> int:
        seen.append(bucket)
        return 0

    monkeypatch.setattr(retention, "_forget", look)
    for hour in range(24):
        retention.forget_old_sessions(connection, PAST + timedelta(hours=hour))

    assert sorted(seen) == list(range(BUCKETS))


def test_the_quarantine_is_emptied_after_30_days(
    connection: Connection, shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(retention, "ROWS_MOST", 2)
    for days_ago, count in ((31, 5), (29, 1)):
        with clock.frozen(PAST - timedelta(days=days_ago)):
            for _ in range(count):
                shop.post([{"environment": "staging"}], "v2/bulkevents")
            shop.drain()
    counted = shop.counts("outcome")

    assert retention.forget_old_quarantine(connection, PAST) == 5
    assert [row["quarantined_at"] for row in shop.rows("quarantine")] == [PAST - timedelta(days=29)]
    assert shop.counts("outcome") == counted
    with clock.frozen(PAST + timedelta(days=2)):
        tasks.forget_old_rows()
    assert shop.rows("quarantine") == []


def test_the_chores_run_by_the_clock(connection: Connection) -> None:
    with clock.frozen(NOW):
        tasks.make_day_partitions()
    assert days(connection, "event") == ["20350505", "20350506", "20350507"]
    with clock.frozen(NOW + timedelta(days=1000)):
        tasks.drop_old_partitions()
    assert days(connection, "event") == []
