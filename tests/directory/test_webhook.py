"""The webhook's requests, field by field, and its signatures by the published library."""

import json
from base64 import b64encode
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from standardwebhooks.webhooks import Webhook as Verifier
from standardwebhooks.webhooks import WebhookVerificationError

from cdp_project.kernel import clock
from connections.gathering import Waiting, put_together
from directory.contracts import Gather, Item, OutboundRequest, Settings, completed
from directory.raw_settings import EXCLUDABLE
from directory.registry import INTEGRATIONS
from identity.consent_changes import consent_changes
from tests.samples import CONSENT_CHANGE, CUSTOM, PURCHASE, SENT_MS, forwarded_batch, forwarded_item

GOLDEN = Path(__file__).parent.parent / "golden" / "webhook"
WEBHOOK = INTEGRATIONS["webhook"]
SECRET, OLD_SECRET = "whsec_" + "c2VjcmV0" * 4, "b2xkIHNlY3JldA=="


def settings_with(**values: Any) -> Settings:
    return completed(WEBHOOK.fields, {"url": "https://hooks.example.com/events", **values})


def as_json(request: OutboundRequest) -> dict[str, Any]:
    """What a golden file holds."""
    return {
        "method": request.method,
        "url": request.url,
        "headers": dict(request.headers),
        "body": json.loads(request.body),
    }


def withdrawn_item() -> Item:
    """A batch without events in which somebody takes a consent back, and objects to the sale of data."""
    changes = consent_changes(
        {"gdpr": {"marketing": {"consented": True, "timestamp_unixtime_ms": SENT_MS - 1000}}},
        {
            "gdpr": {"marketing": {"consented": False, "timestamp_unixtime_ms": SENT_MS}},
            "ccpa": {"data_sale_opt_out": {"consented": True, "timestamp_unixtime_ms": SENT_MS}},
        },
    )
    item = forwarded_item()
    return replace(item, batch=replace(item.batch, envelope={"system_notifications": changes}, events=()))


def gathered_item() -> Item:
    """What two batches of Ann's become that came five minutes apart."""
    earlier = forwarded_batch(CUSTOM)
    later = replace(
        forwarded_batch(PURCHASE),
        batch_id="01a207d2-4b00-7001-8000-0000000000bb",
        received_at_ms=SENT_MS + 300_000,
        user_attributes={"plan": "free"},
        envelope={"application_info": {"application_name": "Shop"}, "deleted_user_attributes": ["visits"]},
    )
    items = [Waiting(0, place, place, each, each.events[0]) for place, each in enumerate((earlier, later))]
    (gathered,) = put_together(items, lambda: "01a207d2-4b00-7001-8000-0000000000cc")
    return replace(forwarded_item(), batch=gathered.stored.batch)


CASES: dict[str, Callable[[], OutboundRequest]] = {
    "batch": lambda: WEBHOOK.build(
        forwarded_item(CUSTOM, PURCHASE),
        completed(WEBHOOK.fields, WEBHOOK.sample_settings),
    ),
    "sparing": lambda: WEBHOOK.build(
        forwarded_item(CUSTOM),
        settings_with(
            include_location=False, include_device_ids=False, include_metadata=False, include_unique_id=False
        ),
    ),
    "generous": lambda: WEBHOOK.build(forwarded_item(CUSTOM), settings_with(include_ip=True, unique_id="shop-ios")),
    "event": lambda: WEBHOOK.build(forwarded_item(PURCHASE), settings_with(send="event", include_batch_location=False)),
    "exclusions": lambda: WEBHOOK.build(
        forwarded_item(CUSTOM),
        settings_with(excluded_fields="consent_state, system_notifications\r\nmp_deviceid\ndevice_info.device_model"),
    ),
    "system_notifications": lambda: WEBHOOK.build(withdrawn_item(), settings_with(include_metadata=False)),
    "gathered": lambda: WEBHOOK.build(gathered_item(), settings_with(gather="ten_minutes")),
    "two_keys": lambda: WEBHOOK.build(
        forwarded_item(CUSTOM), settings_with(signing_secret=SECRET, old_signing_secret=OLD_SECRET)
    ),
}


@pytest.mark.parametrize("case", sorted(CASES))
def test_golden_requests(case: str) -> None:
    assert as_json(CASES[case]()) == json.loads((GOLDEN / f"{case}.json").read_text())


def verified(secret: str, item: Item, request: OutboundRequest) -> Any:
    return Verifier(secret).verify(request.body, dict(request.headers))


def item_of_now() -> Item:
    item = forwarded_item(CUSTOM)
    return Item(item.delivery_id, item.batch, int(clock.now().timestamp()))


def test_the_signature_holds() -> None:
    item = item_of_now()
    request = WEBHOOK.build(item, settings_with(signing_secret=SECRET))
    assert verified(SECRET, item, request)["unique_id"] == item.delivery_id
    assert request.headers["webhook-id"] == item.delivery_id


def test_both_secrets_sign_while_changing_over() -> None:
    item = item_of_now()
    request = WEBHOOK.build(item, settings_with(signing_secret=SECRET, old_signing_secret=OLD_SECRET))
    for secret in (SECRET, OLD_SECRET):
        assert verified(secret, item, request)
    with pytest.raises(WebhookVerificationError):
        verified("b3RoZXI=", item, request)


def test_an_altered_body_is_noticed() -> None:
    item = item_of_now()
    request = WEBHOOK.build(item, settings_with(signing_secret=SECRET))
    with pytest.raises(WebhookVerificationError):
        Verifier(SECRET).verify(request.body.replace(b"Coupon", b"Voucher"), dict(request.headers))


def test_without_a_secret_nothing_is_signed_but_the_id_is_sent() -> None:
    headers = WEBHOOK.build(forwarded_item(), settings_with()).headers
    assert "webhook-signature" not in headers
    assert headers["webhook-id"] == forwarded_item().delivery_id


def test_large_mpids_arrive_unrounded() -> None:
    body = json.loads(WEBHOOK.build(forwarded_item(), settings_with()).body)
    assert body["mpid"] == "4503599627374593"


def body_with(item: Item | None = None, **values: Any) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(WEBHOOK.build(item or forwarded_item(), settings_with(**values)).body)
    return found


def test_identities_tell_since_when_and_else_when_the_batch_came() -> None:
    assert body_with()["user_identities"] == [
        {"identity_type": "customer_id", "identity": "ann-1", "timestamp_unixtime_ms": SENT_MS - 86_400_000},
        {"identity_type": "email", "identity": "ann@example.com", "timestamp_unixtime_ms": SENT_MS},
    ]


def test_what_did_not_change_in_consent_is_told_as_nothing() -> None:
    item = forwarded_item()
    quiet = replace(item.batch, envelope={})
    assert body_with()["system_notifications"] == [CONSENT_CHANGE]
    assert body_with(replace(item, batch=quiet))["system_notifications"] == []


def test_a_batch_is_where_it_says_else_where_its_first_event_with_a_place_was() -> None:
    item = forwarded_item(PURCHASE, CUSTOM)
    placeless = replace(item, batch=replace(item.batch, envelope={}))
    assert body_with(item)["context"]["location"] == {"country_code": "CH"}
    assert body_with(placeless)["context"] == {"location": CUSTOM.data["location"]}
    for values in ({"include_batch_location": False}, {"include_location": False}):
        assert "location" not in body_with(item, **values)["context"]
        assert "context" not in body_with(placeless, **values)
    assert "location" in body_with(item, include_batch_location=False)["events"][1]["data"]


def test_device_identities_go_with_their_own_switch() -> None:
    described = body_with(include_device_ids=False)
    assert "ios_idfv" not in described["device_info"]
    assert "mp_deviceid" not in described
    assert described["device_info"]["device_model"] == "iPhone18,1"
    named = body_with(include_metadata=False)
    assert list(named["device_info"]) == ["ios_idfv"]
    assert "application_info" not in named


def test_old_settings_mean_what_they_meant() -> None:
    """Outputs that were made before there was more to choose."""
    old: dict[str, Any] = {"send": "event", "send_crash_reports": False, "include_location": False, "include_ip": True}
    body = body_with(None, **old)
    assert body["unique_id"] == forwarded_item().delivery_id
    assert "ip" in body
    assert "location" not in body["context"]
    wants = WEBHOOK.wants(settings_with(**old))
    assert wants.gather is None
    assert "profile" not in wants.left_out


@pytest.mark.parametrize(
    ("values", "field"),
    [
        ({"signing_secret": "not base64!"}, "signing_secret"),
        ({"signing_secret": "whsec_"}, "signing_secret"),
        ({"signing_secret": "whsec_QQ=="}, "signing_secret"),
        ({"signing_secret": b64encode(bytes(23)).decode()}, "signing_secret"),
        ({"signing_secret": b64encode(bytes(65)).decode()}, "signing_secret"),
        ({"signing_secret": SECRET, "old_signing_secret": "ä"}, "old_signing_secret"),
        ({"old_signing_secret": SECRET}, "old_signing_secret"),
        ({"unique_id": "x" * 201}, "unique_id"),
        ({"authorization": "Bearer x\r\nHost: elsewhere"}, "authorization"),
        ({"excluded_fields": "ip, events"}, "excluded_fields"),
        ({"excluded_fields": "no_such_field"}, "excluded_fields"),
        ({"excluded_fields": "mpid.x"}, "excluded_fields"),
        ({"excluded_fields": "device_info."}, "excluded_fields"),
        ({"gather": "session", "send": "event"}, "gather"),
        ({"gather": "ten_minutes", "send": "event"}, "gather"),
    ],
)
def test_settings_that_cannot_work_are_refused(values: Mapping[str, Any], field: str) -> None:
    (problem,) = WEBHOOK.problems(settings_with(**values))
    assert problem.field == field


def test_switches_leave_out_kinds_of_events() -> None:
    wants = WEBHOOK.wants(settings_with(send_crash_reports=False, send_push_events=False))
    assert wants.event_types is None
    assert {"crash_report", "push_message"} <= wants.left_out
    assert not {"custom_event", "screen_view", "a_kind_of_tomorrow"} & wants.left_out
    assert wants.leaves_out_unknown is False
    assert WEBHOOK.wants(settings_with(send_custom_events=False)).leaves_out_unknown is True


@pytest.mark.parametrize(
    ("chosen", "gather"), [("none", None), ("ten_minutes", Gather.TEN_MINUTES), ("session", Gather.SESSION)]
)
def test_what_it_waits_for_follows_the_settings(chosen: str, gather: Gather | None) -> None:
    assert WEBHOOK.wants(settings_with(gather=chosen)).gather is gather
    assert WEBHOOK.problems(settings_with(gather=chosen)) == []


def test_every_name_that_may_be_left_out_is_left_out() -> None:
    full = body_with(include_ip=True)
    everything = body_with(include_ip=True, excluded_fields=", ".join(EXCLUDABLE))
    assert full.keys() - {"events"} <= EXCLUDABLE
    assert everything.keys() == {"events"}


def test_every_setting_is_explained() -> None:
    assert [each.name for each in WEBHOOK.fields if not each.help.endswith((".", "base64."))] == []


def test_limits_follow_the_settings() -> None:
    assert WEBHOOK.limits(settings_with()).events_per_request > 1
    assert WEBHOOK.limits(settings_with(send="event")).events_per_request == 1
    assert WEBHOOK.limits(settings_with()).event_age_most_s is None
    assert WEBHOOK.limits(settings_with(event_age_most_hours=24)).event_age_most_s == 86_400
