"""Leases, low-water marks and full reads of lanes."""

from collections.abc import Iterator
from uuid import uuid4

import pytest

from cdp_project.kernel import clock
from cdp_project.kernel.database import Connection, connect
from events.intake.inbox import SLOT_BITS, microseconds
from events.models import InboxRow, Lane
from events.processing import claim, lanes
from events.processing.lanes import LATE_COMMIT_MOST, LEASE, Work, safe_low_water
from tests.shop import Shop, batch, custom_event

ME, OTHER = uuid4(), uuid4()


@pytest.fixture
def connection(transactional_db: None) -> Iterator[Connection]:
    with connect(autocommit=True) as opened:
        lanes.ensure(opened, [0, 2048])
        yield opened


def put(bucket: int, seq: int, event_count: int = 1, body: bytes = b"{}") -> None:
    InboxRow.objects.create(
        bucket=bucket,
        accept_seq=seq,
        batch_id=uuid4(),
        workspace_id=1,
        input_id=1,
        environment=1,
        protocol="mparticle",
        is_historical=False,
        received_at=clock.now(),
        event_count=event_count,
        encoding=0,
        body=body,
    )


def test_a_lane_is_leased_to_one_until_the_lease_ends(connection: Connection) -> None:
    now = clock.now()
    assert lanes.lease(connection, [0], ME, now) == {0}
    assert lanes.lease(connection, [0], ME, now) == {0}
    assert lanes.lease(connection, [0, 2048], OTHER, now) == {2048}
    assert lanes.lease(connection, [0], OTHER, now + LEASE) == {0}


def test_a_lease_that_is_given_back_is_free(connection: Connection) -> None:
    lanes.lease(connection, [0], ME, clock.now())
    lanes.give_back(connection, [0], OTHER)
    assert not lanes.lease(connection, [0], OTHER, clock.now())
    lanes.give_back(connection, [0], ME)
    assert lanes.lease(connection, [0], OTHER, clock.now())


def test_a_lane_in_a_transaction_is_not_waited_for(connection: Connection) -> None:
    now = clock.now()
    lanes.lease(connection, [0], ME, now)
    with connect() as working:
        assert lanes.lock(working, [0])
        connection.execute("SET lock_timeout = '1ms'")
        assert lanes.lease(connection, [0, 2048], OTHER, now + 2 * LEASE) == {2048}
        assert not lanes.lock(connection, [0, 2048])


def test_a_runner_that_gets_no_lane_rests(shop: Shop) -> None:
    shop.drain()
    shop.post(batch(custom_event(), customer="u-1"))
    with connect() as working:
        working.execute("SELECT FROM lane FOR UPDATE")
        assert not shop.runner.turn()
    assert shop.runner.turn()
    assert not shop.runner.turn()


def test_work_is_the_oldest_batch_first(connection: Connection) -> None:
    put(0, 20)
    put(0, 30)
    put(2048, 10)
    now = clock.now()

    assert lanes.with_work(connection, ME, now, read_all=False) == [Work(2048, 10), Work(0, 20)]
    lanes.lease(connection, [2048], OTHER, now)
    assert lanes.with_work(connection, ME, now, read_all=False) == [Work(0, 20)]
    lanes.halt(connection, 0, "why", now)
    assert lanes.with_work(connection, ME, now, read_all=False) == []


def test_what_lies_below_the_low_water_mark_is_found_by_a_full_read(connection: Connection) -> None:
    put(0, 20)
    Lane.objects.filter(bucket=0).update(low_water=25)

    assert lanes.with_work(connection, ME, clock.now(), read_all=False) == []
    assert lanes.with_work(connection, ME, clock.now(), read_all=True) == [Work(0, 20)]


def test_the_low_water_mark_stays_behind_late_commits() -> None:
    now = clock.now()
    horizon = microseconds(now - LATE_COMMIT_MOST) << SLOT_BITS

    assert safe_low_water(microseconds(now) << SLOT_BITS, now) == horizon
    assert safe_low_water(1000, now) == 1001


def test_a_late_commit_with_a_lower_number_is_not_skipped(shop: Shop) -> None:
    shop.process(batch(custom_event("first"), customer="u-1"))
    shop.post(batch(custom_event("late"), customer="u-1"))
    shop.post(batch(custom_event("next"), customer="u-1"))
    late, following = InboxRow.objects.order_by("accept_seq")
    InboxRow.objects.filter(bucket=late.bucket, accept_seq=late.accept_seq).delete()
    while shop.runner.turn():
        pass
    late.save(force_insert=True)
    # An ordinary look, not a full one.
    while shop.runner.turn():
        pass

    assert following.accept_seq > late.accept_seq
    assert [event["name"] for event in shop.events()] == ["first", "late", "next"]
    assert shop.counts("late") == {"": 1}
    assert shop.profile()["late_count"] == 1


def test_lanes_of_an_older_setting_are_worked_too(connection: Connection) -> None:
    put(777, 1)
    lanes.ensure(connection, [0])

    assert Lane.objects.filter(bucket=777).exists()


def test_a_chunk_ends_before_it_is_too_large(connection: Connection, monkeypatch: pytest.MonkeyPatch) -> None:
    for seq in range(1, 7):
        put(0, seq, event_count=3, body=bytes(100))
    monkeypatch.setattr(claim, "CHUNK_EVENTS_MOST", 7)
    assert [row.accept_seq for row in claim.read(connection, {0: 1})] == [1, 2, 3]
    monkeypatch.setattr(claim, "CHUNK_BYTES_MOST", 150)
    assert [row.accept_seq for row in claim.read(connection, {0: 1})] == [1, 2]
    monkeypatch.setattr(claim, "CHUNK_BATCHES_MOST", 1)
    assert [row.accept_seq for row in claim.read(connection, {0: 3})] == [3]


def test_one_batch_larger_than_a_chunk_is_a_chunk(connection: Connection, monkeypatch: pytest.MonkeyPatch) -> None:
    put(0, 1, event_count=9999, body=bytes(1000))
    put(0, 2)
    monkeypatch.setattr(claim, "CHUNK_BYTES_MOST", 10)

    assert [row.accept_seq for row in claim.read(connection, {0: 0})] == [1]


def test_lanes_share_a_chunk_in_order_of_acceptance(connection: Connection, monkeypatch: pytest.MonkeyPatch) -> None:
    for bucket, seq in ((0, 1), (2048, 2), (0, 3), (0, 5), (2048, 6)):
        put(bucket, seq)
    found = claim.read(connection, {0: 1, 2048: 3})
    assert [(row.bucket, row.accept_seq) for row in found] == [(0, 1), (0, 3), (0, 5), (2048, 6)]
    monkeypatch.setattr(claim, "CHUNK_EVENTS_MOST", 4)
    assert [row.accept_seq for row in claim.read(connection, {0: 0, 2048: 0})] == [1, 2, 3, 6]


def test_a_row_that_is_gone_stops_the_taking(connection: Connection) -> None:
    put(0, 1)
    put(0, 2)
    rows = claim.read(connection, {0: 0})
    InboxRow.objects.filter(accept_seq=1).delete()
    with pytest.raises(claim.Overtaken), connection.transaction():
        claim.take(connection, rows)

    assert InboxRow.objects.count() == 1
