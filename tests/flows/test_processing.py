"""From an accepted batch to a stored event on a person's profile."""

from tests.shop import Shop, batch, custom_event


def test_an_event_is_stored_on_a_new_persons_profile(shop: Shop) -> None:
    shop.process(batch(custom_event("Add Coupon", code="SPRING"), customer="u-1", user_attributes={"plan": "gold"}))

    (event,) = shop.events()
    profile = shop.profile()
    assert (event["event_type"], event["name"]) == ("custom_event", "Add Coupon")
    assert event["mpid"] == event["origin_mpid"] == profile["mpid"]
    assert profile["attributes"] == {"plan": "gold"}
    assert profile["identities"] == {"customer_id": "u-1"}
    assert profile["is_known"]
    assert shop.outcomes() == {"stored": 1}
    assert shop.waiting() == 0
