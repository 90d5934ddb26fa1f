"""Limits of an input on batches, counted for all processes together."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from itertools import count

import pytest
import redis
from django.conf import settings as django_settings
from pytest_django import Settings

from events.intake import rate_limit
from events.intake.keys import KeyHolder
from events.protocol import IntakeRefusal

NOW = datetime(2026, 11, 23, 12, 0, 17, tzinfo=UTC)
_inputs = count(1)


@pytest.fixture
def holder() -> Iterator[KeyHolder]:
    """An input that no counter knows."""
    client = redis.Redis.from_url(django_settings.REDIS_URL)
    input_id = -next(_inputs)
    yield KeyHolder(input_id, 1, "feed", True, None, None, b"", None)
    for key in client.scan_iter(f"rate:{input_id}:*"):
        client.delete(key)
    client.close()


def refusal_of(holder: KeyHolder, batches: int, now: datetime) -> IntakeRefusal:
    with pytest.raises(IntakeRefusal) as caught:
        rate_limit.take(holder, batches, now)
    assert caught.value.status == 429
    return caught.value


def test_without_a_limit_nothing_is_counted(holder: KeyHolder) -> None:
    assert rate_limit.take(holder, 1_000_000, NOW) is None


def test_the_used_share_is_told_and_beyond_it_is_refused(holder: KeyHolder) -> None:
    holder = replace(holder, batches_per_second_most=100)

    assert rate_limit.take(holder, 92, NOW) == 92
    assert rate_limit.take(holder, 8, NOW) == 100
    refusal = refusal_of(holder, 1, NOW)
    assert refusal.headers == {"Retry-After": "1", "X-mp-rate-limit-exceeded": "feed"}
    assert rate_limit.take(holder, 1, NOW + timedelta(seconds=1)) == 1


def test_refused_batches_do_not_count(holder: KeyHolder) -> None:
    holder = replace(holder, batches_per_second_most=10)
    rate_limit.take(holder, 5, NOW)
    refusal_of(holder, 6, NOW)

    assert rate_limit.take(holder, 5, NOW) == 100


def test_one_request_may_be_larger_than_the_limit(holder: KeyHolder) -> None:
    holder = replace(holder, batches_per_second_most=10)

    assert rate_limit.take(holder, 100, NOW) == 100
    refusal_of(holder, 1, NOW)


def test_apps_are_told_apart_from_feeds(holder: KeyHolder) -> None:
    holder = replace(holder, kind="platform", batches_per_second_most=1)
    rate_limit.take(holder, 1, NOW)

    assert refusal_of(holder, 1, NOW).headers["X-mp-rate-limit-exceeded"] == "app"


def test_acceleration_is_this_minute_over_the_mean_of_the_last_ten(holder: KeyHolder) -> None:
    holder = replace(holder, acceleration_most=2)
    for minute in range(10, 0, -1):
        rate_limit.take(holder, 10, NOW - timedelta(minutes=minute))

    assert rate_limit.take(holder, 10, NOW) == 50
    assert rate_limit.take(holder, 10, NOW) == 100
    refusal = refusal_of(holder, 1, NOW)
    assert refusal.headers == {"Retry-After": "43", "X-mp-rate-limit-exceeded": "acceleration"}


def test_minutes_before_the_first_batch_do_not_lower_the_mean(holder: KeyHolder) -> None:
    past, holder = replace(holder, acceleration_most=100), replace(holder, acceleration_most=1)
    rate_limit.take(past, 10, NOW - timedelta(minutes=4))
    rate_limit.take(past, 30, NOW - timedelta(minutes=3))

    assert rate_limit.take(holder, 10, NOW) == 100
    refusal_of(holder, 1, NOW)


def test_without_a_past_there_is_no_acceleration(holder: KeyHolder) -> None:
    assert rate_limit.take(replace(holder, acceleration_most=1), 1000, NOW) == 0


def test_the_larger_share_is_told(holder: KeyHolder) -> None:
    past = replace(holder, acceleration_most=100)
    rate_limit.take(past, 92, NOW - timedelta(minutes=1))

    # EV 10: speed at 92 per cent, acceleration at 50.
    both = replace(holder, batches_per_second_most=100, acceleration_most=2)
    assert rate_limit.take(both, 92, NOW) == 92
    # And the other way round.
    other = replace(holder, batches_per_second_most=1000, acceleration_most=2)
    assert rate_limit.take(other, 46, NOW + timedelta(seconds=1)) == 75


def test_without_valkey_nothing_is_limited(
    holder: KeyHolder, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings.REDIS_URL = "redis://127.0.0.1:1/0"
    monkeypatch.setattr(rate_limit, "_health", rate_limit._Health())
    holder = replace(holder, batches_per_second_most=1)

    assert [rate_limit.take(holder, 1, NOW) for _ in range(3)] == [None, None, None]
