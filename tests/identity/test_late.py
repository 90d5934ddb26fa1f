"""One person in two lanes: what is processed out of the order of acceptance is counted, and overwrites nothing."""

import json
from datetime import timedelta
from itertools import count
from typing import Any
from uuid import UUID

from django.conf import settings

from cdp_project.kernel import clock
from events.decoding.events_api import head_of
from events.intake.lane_key import key_bucket, lane_of_bucket
from events.models import Lane
from tests.shop import Row, Shop, batch, custom_event

EMAIL = {"email": "ann@example.com"}


def by_email(**fields: Any) -> Row:
    """A batch whose lane goes by the email address."""
    return batch(custom_event(), user_identities=EMAIL, **fields)


def by_device(device: str, **fields: Any) -> Row:
    """One of the same person whose lane goes by their device."""
    return batch(custom_event(), user_identities=EMAIL, device=device, **fields)


def device_elsewhere(shop: Shop) -> str:
    """A device whose batches wait in another lane than those by email: which lane that is goes by the workspace."""

    def lane(row: Row) -> int:
        bucket = key_bucket(head_of(json.dumps(row).encode()), shop.workspace.pk)
        return lane_of_bucket(bucket or 0, settings.CDP_LANES)

    return next(f"d-{number}" for number in count() if lane(by_device(f"d-{number}")) != lane(by_email()))


def process_first_one_last(shop: Shop, first: Row, *others: Row) -> None:
    """Another process holds the lane of the batch that was accepted first, until the others are done."""
    shop.drain()
    assert shop.post(first) == 202
    (waiting,) = shop.rows("inbox")
    lane = Lane.objects.filter(bucket=waiting["bucket"])
    lane.update(lease_holder=UUID(int=1), leased_until=clock.now() + timedelta(minutes=1))
    for other in others:
        assert shop.post(other) == 202
    shop.drain()
    assert [row["batch_id"] for row in shop.rows("inbox")] == [waiting["batch_id"]]
    lane.update(lease_holder=None, leased_until=None)
    shop.drain()


def test_what_comes_late_is_counted(shop: Shop) -> None:
    device = device_elsewhere(shop)
    process_first_one_last(shop, by_email(), by_device(device), by_device(device))

    assert len({event["mpid"] for event in shop.events()}) == 1
    assert shop.counts("late") == {"": 1}
    assert shop.profile()["late_count"] == 1


def test_lanes_that_are_processed_in_order_count_nothing(shop: Shop) -> None:
    device = device_elsewhere(shop)
    shop.process(by_email(), by_device(device), by_email(), by_device(device))

    assert len({event["mpid"] for event in shop.events()}) == 1
    assert shop.counts("late") == {}
    assert shop.profile()["late_count"] == 0


def test_other_people_of_a_late_lane_are_not_late(shop: Shop) -> None:
    process_first_one_last(shop, by_email(), batch(custom_event(), device=device_elsewhere(shop)))

    assert shop.counts("late") == {}


def test_what_comes_late_neither_overwrites_nor_brings_back(shop: Shop) -> None:
    shop.process(by_email(user_attributes={"plan": "free", "city": "Rome"}))
    process_first_one_last(
        shop,
        by_email(user_attributes={"plan": "silver", "city": "Bonn", "age": 7}),
        by_device(device_elsewhere(shop), user_attributes={"city": "Oslo"}, deleted_user_attributes=["plan"]),
    )

    assert shop.profile()["attributes"] == {"city": "Oslo", "age": 7}
    assert shop.counts("late") == {"": 1}

    shop.process(by_email(user_attributes={"plan": "gold"}))
    assert shop.profile()["attributes"]["plan"] == "gold"
