"""One forwarded item with something in every field: what integrations are tried on."""

from directory.contracts import ForwardedBatch, ForwardedEvent, Item
from events.identity_types import IdentityType

SENT_MS = 1_795_428_000_000
"""23 November 2026, 10:00 UTC."""

CUSTOM = ForwardedEvent(
    event_id="01a207d2-4b00-7001-8000-000000000001",
    event_type="custom_event",
    name="Coupon added",
    occurred_at_ms=SENT_MS - 2_000,
    data={
        "event_name": "Coupon added",
        "custom_event_type": "transaction",
        "custom_attributes": {"code": "SPRING", "percent": 10, "first": True, "note": None},
        "custom_flags": {"campaign": "7"},
        "location": {"latitude": 46.95, "longitude": 7.45},
        "source_message_id": "m-1",
        "session_uuid": "e2b1c1de-55f1-4f0a-9f0e-0a4b6f3f2c11",
    },
)
PURCHASE = ForwardedEvent(
    event_id="01a207d2-4b00-7001-8000-000000000002",
    event_type="commerce_event",
    name="purchase",
    occurred_at_ms=SENT_MS - 1_000,
    data={
        "currency_code": "CHF",
        "product_action": {
            "action": "purchase",
            "transaction_id": "t-1",
            "total_amount": 70.0,
            "tax_amount": 5.0,
            "products": [
                {"id": "p-1", "name": "Tea", "price": 10.0, "quantity": 1},
                {"id": "p-2", "name": "Pot", "price": 20.0, "quantity": 1, "custom_attributes": {"colour": "blue"}},
                {"id": "p-3", "name": "Cup", "price": 20.0, "quantity": 2, "total_product_amount": 40.0},
            ],
        },
    },
)
CONSENT_CHANGE = {
    "type": "gdpr_consent_state",
    "purpose": "marketing",
    "old_gdpr_consent_state": None,
    "new_gdpr_consent_state": {"consented": True, "timestamp_unixtime_ms": SENT_MS},
}


def forwarded_batch(*events: ForwardedEvent) -> ForwardedBatch:
    """A batch of Ann's."""
    return ForwardedBatch(
        batch_id="01a207d2-4b00-7001-8000-0000000000aa",
        mpid=4_503_599_627_374_593,
        environment="production",
        received_at_ms=SENT_MS,
        source_request_id="r-1",
        input_id=3,
        input_name="iOS",
        input_kind="platform",
        platform="ios",
        identities={
            IdentityType.CUSTOMER_ID: "ann-1",
            IdentityType.EMAIL: "ann@example.com",
            IdentityType.IOS_IDFV: "0A1B2C3D-0000-4000-8000-000000000001",
            IdentityType.DEVICE_APPLICATION_STAMP: "5b1d3f9e-0000-4000-8000-000000000002",
        },
        user_attributes={"plan": "pro", "visits": 3, "tags": ["a", "b"], "vip": None},
        envelope={
            "device_info": {"platform": "iOS", "device_model": "iPhone18,1", "ios_idfv": "0A1B2C3D"},
            "application_info": {"application_name": "Shop", "os": "IOS"},
            "consent_state": {"gdpr": {"marketing": {"consented": True, "timestamp_unixtime_ms": SENT_MS}}},
            "context": {"data_plan": {"plan_id": "shop", "plan_version": 2}, "location": {"country_code": "CH"}},
            "ip": "203.0.113.7",
            "sdk_version": "8.2.0",
            "system_notifications": [CONSENT_CHANGE],
        },
        events=events,
        identity_times={IdentityType.CUSTOMER_ID: SENT_MS - 86_400_000},
    )


def forwarded_item(*events: ForwardedEvent) -> Item:
    """An item of that batch; with a custom event and a purchase unless told otherwise."""
    return Item("2f7c0f4e6f0b4a4c9a5d1e1f00112233", forwarded_batch(*(events or (CUSTOM, PURCHASE))), SENT_MS // 1000)
