"""From an accepted batch to a stored event on a person's profile."""

from datetime import datetime, timedelta

import pytest

from cdp_project.kernel import clock
from cdp_project.kernel.buckets import bucket_of_id, bucket_of_mpid, day_of_id
from events.models import Input, Protection
from tests import factories
from tests.shop import Shop, batch, custom_event


def test_an_event_is_stored_on_a_new_persons_profile(shop: Shop) -> None:
    shop.process(batch(custom_event("Add Coupon", code="SPRING"), customer="u-1", user_attributes={"plan": "gold"}))

    (event,) = shop.events()
    profile = shop.profile()
    assert (event["event_type"], event["name"]) == ("custom_event", "Add Coupon")
    assert event["data"]["code"] == "SPRING"
    assert event["mpid"] == event["origin_mpid"] == profile["mpid"]
    assert profile["attributes"] == {"plan": "gold"}
    assert profile["identities"] == {"customer_id": "u-1"}
    assert (profile["is_known"], profile["origin"]) == (True, 1)
    assert shop.waiting() == 0


def test_ids_and_buckets_lead_to_the_event(shop: Shop) -> None:
    shop.process(batch(*(custom_event(str(number)) for number in range(5)), customer="u-1"))

    events = shop.events()
    for event in events:
        assert event["bucket"] == bucket_of_mpid(event["mpid"]) == bucket_of_id(event["event_id"])
        assert event["day"] == day_of_id(event["event_id"]) == clock.day_of(event["received_at"])
    assert [event["name"] for event in events] == ["0", "1", "2", "3", "4"]


def test_the_batch_keeps_what_it_said_of_the_person(shop: Shop) -> None:
    shop.process(batch(custom_event(), customer="u-1", user_attributes={"a": None}, device_info={"platform": "iOS"}))

    (kept,) = shop.rows("batch")
    assert kept["envelope"] == {
        "user_identities": {"customer_id": "u-1"},
        "user_attributes": {"a": None},
        "device_info": {"platform": "iOS"},
    }
    assert (kept["event_count"], kept["mpid"]) == (1, shop.profile()["mpid"])


def test_events_are_counted_by_name_and_hour(shop: Shop) -> None:
    screen = {"event_type": "screen_view", "data": {"screen_name": "Home"}}
    shop.process(batch(custom_event("A"), custom_event("A"), screen, customer="u-1"), batch(screen, customer="u-2"))

    assert shop.counts("event") == {"custom_event:A": 2, "screen_view:Home": 2}
    assert shop.outcomes() == {"stored": 4}
    assert all(row["hour"].minute == 0 for row in shop.rows("rollup_partial"))


def test_an_event_keeps_its_own_time_and_its_session(shop: Shop) -> None:
    then = datetime(2001, 2, 3, 4, 5, 6, tzinfo=clock.now().tzinfo)
    shop.process(
        batch(
            custom_event(timestamp_unixtime_ms=clock.milliseconds(then), session_uuid="S-1"),
            custom_event(session_uuid="s-1"),
            custom_event(session_id=77),
            custom_event(),
            customer="u-1",
        )
    )

    events = shop.events()
    assert events[0]["occurred_at"] == then
    assert events[0]["day"] == clock.day_of(clock.now())
    assert events[1]["occurred_at"] == events[1]["received_at"]
    sessions = [event["session_id"] for event in events]
    assert sessions[0] == sessions[1] is not None
    assert 0 <= sessions[0] < 2**63
    assert sessions[2:] == [77, None]


def test_a_repeated_event_is_dropped_and_the_rest_goes_on(shop: Shop) -> None:
    shop.process(
        batch(custom_event("A", source_message_id="m-1"), custom_event("B", source_message_id="m-2"), customer="u-1")
    )
    shop.process(
        batch(
            custom_event("A", source_message_id="m-1"),
            custom_event("other body", source_message_id="m-2"),
            custom_event("C", source_message_id="m-3"),
            custom_event("C", source_message_id="m-3"),
            customer="u-1",
            user_attributes={"seen": True},
        )
    )

    assert sorted(event["name"] for event in shop.events()) == ["A", "B", "C"]
    assert shop.profile()["attributes"] == {"seen": True}
    assert shop.outcomes() == {"stored": 3, "duplicate": 3}
    assert shop.counts("conflict") == {"": 1}


def test_a_repeated_batch_with_another_body_leaves_its_events_unclaimed(shop: Shop) -> None:
    shop.process(batch(custom_event("A"), customer="u-1", source_request_id="r-1"))
    shop.process(batch(custom_event("B", source_message_id="m-9"), customer="u-1", source_request_id="r-1"))
    shop.process(batch(custom_event("B", source_message_id="m-9"), customer="u-1"))

    assert [event["name"] for event in shop.events()] == ["A", "B"]
    assert shop.counts("conflict") == {"": 1}


def test_ids_count_within_their_input_only(shop: Shop, app: Shop) -> None:
    sent = batch(custom_event(source_message_id="m-1"), customer="u-1", source_request_id="r-1")
    shop.process(sent)
    app.process(sent)

    assert len(shop.events()) == 2
    assert shop.outcomes() == {"stored": 2}


@pytest.mark.parametrize("days", [0, 9, 29])
def test_a_repeat_is_found_for_at_least_29_days(shop: Shop, days: int) -> None:
    start = clock.now()
    sent = batch(custom_event(source_message_id="m-1"), customer="u-1")
    shop.process(sent)
    with clock.frozen(start + timedelta(days=days)):
        shop.process(sent)

    assert shop.outcomes() == {"stored": 1, "duplicate": 1}


def protected(of: Shop, level: Protection) -> Shop:
    Input.objects.filter(pk=of.source.pk).update(protection=level)
    return of


@pytest.mark.parametrize("level", [Protection.UPDATE_ONLY, Protection.READ_ONLY])
def test_a_protected_input_makes_nobody(shop: Shop, level: Protection) -> None:
    protected(shop, level).process(batch(custom_event(), customer="u-1"), batch(custom_event(), mpid=77))

    assert shop.profiles() == shop.events() == []
    assert shop.outcomes() == {"person_unknown": 2}


def test_an_update_only_input_changes_those_who_are_there(shop: Shop) -> None:
    shop.process(batch(customer="u-1"))
    guarded = Shop(factories.feed(shop.workspace, "Guarded"))
    protected(guarded, Protection.UPDATE_ONLY).process(
        batch(custom_event(), customer="u-1", user_attributes={"a": 1}, user_identities={"email": "a@b"})
    )
    guarded.runner.close()

    assert shop.profile()["attributes"] == {"a": 1}
    assert shop.profile()["identities"] == {"customer_id": "u-1", "email": "a@b"}


def test_a_read_only_input_stores_events_and_leaves_the_profile_as_it_is(shop: Shop) -> None:
    shop.process(batch(customer="u-1", user_attributes={"a": 1}))
    before = shop.profile()
    guarded = Shop(factories.feed(shop.workspace, "Guarded"))
    protected(guarded, Protection.READ_ONLY).process(
        batch(custom_event(), customer="u-1", user_attributes={"a": 2}, user_identities={"email": "a@b"})
    )
    guarded.runner.close()

    assert shop.profile() == before
    assert [event["mpid"] for event in shop.events()] == [before["mpid"]]
    assert shop.linked(before["mpid"]) == ["customer_id"]


def test_what_waits_for_a_deleted_input_is_quarantined(shop: Shop, app: Shop) -> None:
    app.post(batch(custom_event(), custom_event(), customer="u-1"))
    Input.objects.filter(pk=app.source.pk).delete()
    shop.process(batch(custom_event(), customer="u-2"))

    (kept,) = shop.rows("quarantine")
    assert (kept["reason"], kept["event_count"]) == ("input_deleted", 2)
    assert len(shop.events()) == 1
    assert shop.outcomes() == {"stored": 1, "input_deleted": 2}


def test_an_unreadable_batch_of_a_bulk_is_quarantined_whole_with_its_reason(shop: Shop) -> None:
    shop.post([batch(custom_event(), customer="u-1"), {"events": [{"data": {}}]}], "v2/bulkevents")
    shop.drain()

    (kept,) = shop.rows("quarantine")
    assert kept["reason"] == "malformed"
    assert "event_type" in kept["detail"]
    assert bytes(kept["body"]) == b'{"events": [{"data": {}}]}'
    assert len(shop.events()) == 1
    assert shop.waiting() == 0


def test_everything_accepted_is_accounted_for(shop: Shop) -> None:
    old, young = clock.milliseconds(clock.now() - timedelta(hours=80)), clock.milliseconds(clock.now())
    shop.post(batch(custom_event(), custom_event(source_message_id="m"), customer="u-1", source_request_id="r"))
    shop.post(batch(custom_event(), custom_event(source_message_id="m"), customer="u-1", source_request_id="r"))
    shop.post(batch(custom_event(source_message_id="m"), customer="u-2"))
    shop.post([batch(custom_event(timestamp_unixtime_ms=old)), batch()], "v2/bulkevents/historical")
    shop.post([batch(custom_event(timestamp_unixtime_ms=young))], "v2/bulkevents/historical")
    shop.post([{"events": "nonsense"}, batch(device="d")], "v2/bulkevents")
    accepted = sum(row["event_count"] for row in shop.rows("inbox"))
    shop.drain()

    assert sum(shop.outcomes().values()) == accepted == 7
    assert shop.outcomes() == {"stored": 3, "duplicate": 3, "not_historical": 1}
    assert len(shop.events()) == 3
    assert len(shop.rows("quarantine")) == 1
    assert shop.waiting() == 0
