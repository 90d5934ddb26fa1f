"""What an event or a consent record of its kind should say: taken all the same, and told."""

from typing import Any

import pytest

from events.decoding.violations import VIOLATIONS
from tests.events.decoding.test_events_api import codes, decode, event

Told = list[tuple[str, str]]


@pytest.mark.parametrize(
    ("sent", "told"),
    [
        (event("screen_view"), [("field_missing", "screen_name")]),
        (event("screen_view", screen_name=" "), [("field_missing", "screen_name")]),
        (event("session_end"), [("field_missing", "session_duration_ms")]),
        (event("session_end", session_duration_ms=0), []),
        (event("custom_event", event_name="a"), []),
        (event("custom_event", event_name="a", custom_event_type="unknown"), []),
        (event("custom_event", event_name="a", custom_event_type="remove_from_wishlist"), []),
        (event("custom_event", event_name="a", custom_event_type="dance"), [("value_unknown", "custom_event_type")]),
        (event("custom_event", event_name="a", custom_event_type=7), [("value_unknown", "custom_event_type")]),
        (event("commerce_event"), [("field_missing", "product_action")]),
        (event("commerce_event", product_action={"action": "purchase"}), []),
        (event("commerce_event", product_action={"action": "steal"}), [("value_unknown", "product_action/action")]),
        (event("commerce_event", product_action={"products": []}), [("field_missing", "product_action/action")]),
        (event("commerce_event", promotion_action={"action": 2}), []),
        (event("commerce_event", promotion_action={"action": 9}), [("value_unknown", "promotion_action/action")]),
        (event("commerce_event", product_impressions=[{"products": []}]), []),
    ],
)
def test_what_an_event_lacks_is_told_and_it_is_taken(sent: dict[str, Any], told: Told) -> None:
    batch = decode(events=[sent])

    assert len(batch.events) == 1
    assert codes(batch) == [(code, f"/events/0/data/{place}") for code, place in told]
    assert {code for code, _ in codes(batch)} <= VIOLATIONS.keys()


def test_what_is_no_product_is_left_out() -> None:
    shoe = {"id": "SKU-1"}
    batch = decode(
        events=[
            event("commerce_event", product_action={"action": "purchase", "products": [shoe, "SKU-2", None]}),
            event("commerce_event", product_action={"action": "refund", "products": "SKU-1"}, shopping_cart=[shoe]),
            event("commerce_event", promotion_action={"action": "view", "promotions": [7]}),
            event("commerce_event", product_impressions=["home", {"products": [shoe, 7]}]),
            event("commerce_event", product_action="purchase"),
        ]
    )

    assert [each.data for each in batch.events] == [
        {"product_action": {"action": "purchase", "products": [shoe]}},
        {"product_action": {"action": "refund"}},
        {"promotion_action": {"action": "view", "promotions": []}},
        {"product_impressions": [{"products": [shoe]}]},
        {},
    ]
    assert codes(batch) == [
        ("wrong_kind", "/events/0/data/product_action/products/1"),
        ("wrong_kind", "/events/0/data/product_action/products/2"),
        ("wrong_kind", "/events/1/data/shopping_cart"),
        ("wrong_kind", "/events/1/data/product_action/products"),
        ("wrong_kind", "/events/2/data/promotion_action/promotions/0"),
        ("wrong_kind", "/events/3/data/product_impressions/1/products/1"),
        ("wrong_kind", "/events/3/data/product_impressions/0"),
        ("wrong_kind", "/events/4/data/product_action"),
        ("field_missing", "/events/4/data/product_action"),
    ]


def test_a_consent_record_that_says_nothing_is_not_kept() -> None:
    whole = {"consented": True, "timestamp_unixtime_ms": 1}
    batch = decode(
        consent_state={
            "gdpr": {"marketing": whole, "gone": None, "empty": {}, "text": "yes"},
            "ccpa": {"data_sale_opt_out": {"consented": "true", "document": "v1"}},
            "other": [],
            "nothing": {},
            "null": None,
        }
    )

    assert batch.envelope["consent_state"] == {
        "gdpr": {"marketing": whole, "gone": None},
        "ccpa": {"data_sale_opt_out": {"document": "v1"}},
    }
    assert codes(batch) == [
        ("field_missing", "/consent_state/gdpr/empty/consented"),
        ("field_missing", "/consent_state/gdpr/empty/timestamp_unixtime_ms"),
        ("wrong_kind", "/consent_state/gdpr/text"),
        ("wrong_kind", "/consent_state/ccpa/data_sale_opt_out/consented"),
        ("field_missing", "/consent_state/ccpa/data_sale_opt_out/consented"),
        ("field_missing", "/consent_state/ccpa/data_sale_opt_out/timestamp_unixtime_ms"),
        ("wrong_kind", "/consent_state/other"),
    ]
