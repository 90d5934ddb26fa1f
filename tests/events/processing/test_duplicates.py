"""Generations, borders and races of the memory of what was processed."""

import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cdp_project.kernel.database import Connection, connect
from cdp_project.workspaces.environment import Environment
from events.processing import duplicates
from events.processing.duplicates import (
    BORDER,
    EVENT,
    GENERATION,
    KEPT,
    Sight,
    claimed_generations,
    older_generations,
    sighting,
)
from events.processing.storage import Storage

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
MID = EPOCH + 2200 * GENERATION + timedelta(days=4)
BORDERLINE = EPOCH + 2200 * GENERATION

moments = st.datetimes(datetime(2025, 1, 1), datetime(2060, 1, 1), timezones=st.just(UTC))  # noqa: DTZ001


@given(moments)
def test_everything_of_the_last_30_days_is_looked_at(at: datetime) -> None:
    looked_at = {*older_generations(at), *claimed_generations(at)}
    for days in range(31):
        assert duplicates.generation_of(at - timedelta(days=days)) in looked_at
    assert len(looked_at) <= KEPT + 1


@given(moments, st.integers(-int(BORDER.total_seconds()), int(BORDER.total_seconds())))
def test_clocks_that_differ_by_less_than_the_border_claim_a_generation_in_common(at: datetime, seconds: int) -> None:
    assert set(claimed_generations(at)) & set(claimed_generations(at + timedelta(seconds=seconds)))


def test_a_border_is_claimed_on_both_sides() -> None:
    assert claimed_generations(MID) == [2200]
    assert claimed_generations(BORDERLINE - timedelta(minutes=1)) == [2199, 2200]
    assert claimed_generations(BORDERLINE + timedelta(minutes=1)) == [2199, 2200]


@pytest.fixture
def connection(transactional_db: None) -> Iterator[Connection]:
    with connect(autocommit=True) as opened:
        Storage().ensure(opened, set(), {*range(2196, 2204)})
        yield opened


def claim(connection: Connection, at: datetime, *ids: str, body: bytes = b"body", of: int = 1) -> list[Sight]:
    return duplicates.claim(connection, at, [sighting(of, Environment.PRODUCTION, EVENT, each, body) for each in ids])


def test_an_id_is_first_once(connection: Connection) -> None:
    assert claim(connection, MID, "a", "b", "a") == [Sight.FIRST, Sight.FIRST, Sight.REPEAT]
    assert claim(connection, MID, "b", "c") == [Sight.REPEAT, Sight.FIRST]
    assert claim(connection, MID, "a", of=2) == [Sight.FIRST]
    assert claim(connection, MID, "a", body=b"other") == [Sight.CONFLICT]


@pytest.mark.parametrize("days", [10, 20, 30])
def test_an_id_is_found_in_older_generations(connection: Connection, days: int) -> None:
    claim(connection, MID, "a")
    assert claim(connection, MID + timedelta(days=days), "a", "new") == [Sight.REPEAT, Sight.FIRST]


def test_an_id_of_one_side_of_a_border_is_found_on_the_other(connection: Connection) -> None:
    before, after = BORDERLINE - timedelta(seconds=1), BORDERLINE + timedelta(seconds=1)
    assert claim(connection, before, "a") == [Sight.FIRST]
    assert claim(connection, after, "a") == [Sight.REPEAT]
    assert claim(connection, after, "b") == [Sight.FIRST]
    assert claim(connection, before, "b") == [Sight.REPEAT]
    assert claim(connection, BORDERLINE + timedelta(hours=1), "a", "b") == [Sight.REPEAT] * 2


def test_of_many_at_once_around_a_border_each_id_has_one_first(connection: Connection) -> None:
    start = threading.Barrier(6)

    def race(worker: int) -> list[Sight]:
        at = BORDERLINE + timedelta(seconds=worker - 3)
        with connect() as own:
            start.wait()
            return claim(own, at, *(f"id-{number}" for number in range(300)))

    with ThreadPoolExecutor(6) as pool:
        sights = list(pool.map(race, range(6)))

    for each in zip(*sights, strict=True):
        assert sorted(sight.value for sight in each) == ["first", *["repeat"] * 5]


def test_what_was_rolled_back_was_never_seen(connection: Connection) -> None:
    with connect() as other:
        assert claim(other, MID, "a") == [Sight.FIRST]
        other.rollback()
    assert claim(connection, MID, "a") == [Sight.FIRST]
