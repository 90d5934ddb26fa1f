"""Ids that lead to their day and bucket."""

from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from cdp_project.kernel.buckets import (
    BUCKETS,
    bucket_of_id,
    bucket_of_mpid,
    day_of_id,
    digest,
    new_mpid,
    time_of_id,
    time_ordered_id,
    time_ordered_ids,
)

moments = st.datetimes(datetime(1971, 1, 1), datetime(2200, 1, 1), timezones=st.just(UTC))  # noqa: DTZ001
buckets = st.integers(0, BUCKETS - 1)


@given(moments, buckets)
def test_an_id_tells_its_day_and_bucket(at: datetime, bucket: int) -> None:
    made = time_ordered_id(at, bucket)

    assert (bucket_of_id(made), day_of_id(made), made.version) == (bucket, at.date(), 7)
    assert abs(time_of_id(made) - at) <= timedelta(milliseconds=1)


@given(moments, buckets, st.integers(0, 200))
def test_ids_of_one_batch_keep_their_order(at: datetime, bucket: int, count: int) -> None:
    made = time_ordered_ids(at, bucket, count)

    assert made == sorted(set(made))
    assert len(made) == count
    assert {(bucket_of_id(each), day_of_id(each), each.version) for each in made} <= {(bucket, at.date(), 7)}


def test_two_batches_of_one_moment_share_no_id() -> None:
    at = datetime(2030, 1, 1, tzinfo=UTC)

    assert not set(time_ordered_ids(at, 5, 100)) & set(time_ordered_ids(at, 5, 100))


def test_minted_mpids_are_safe_in_javascript() -> None:
    assert all(0 < new_mpid() < 2**53 for _ in range(1000))


@given(st.integers(-(2**63), 2**63 - 1))
def test_every_mpid_has_a_bucket(mpid: int) -> None:
    assert 0 <= bucket_of_mpid(mpid) < BUCKETS


def test_parts_of_a_digest_do_not_run_into_each_other() -> None:
    assert digest("ab", "c") != digest("a", "bc")
    assert len(digest("\ud800")) == 16
