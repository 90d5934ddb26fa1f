"""The webhook's requests, field by field, and its signatures by the published library."""

import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest
from standardwebhooks.webhooks import Webhook as Verifier
from standardwebhooks.webhooks import WebhookVerificationError

from cdp_project.kernel import clock
from directory.contracts import Item, OutboundRequest, Settings, completed
from directory.registry import INTEGRATIONS
from tests.samples import CUSTOM, PURCHASE, forwarded_item

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


CASES: dict[str, Callable[[], OutboundRequest]] = {
    "batch": lambda: WEBHOOK.build(
        forwarded_item(CUSTOM, PURCHASE),
        completed(WEBHOOK.fields, WEBHOOK.sample_settings),
    ),
    "sparing": lambda: WEBHOOK.build(
        forwarded_item(CUSTOM), settings_with(include_location=False, include_device_ids=False)
    ),
    "generous": lambda: WEBHOOK.build(forwarded_item(CUSTOM), settings_with(include_ip=True)),
}


@pytest.mark.parametrize("case", CASES)
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


@pytest.mark.parametrize(
    ("values", "field"),
    [
        ({"signing_secret": "not base64!"}, "signing_secret"),
        ({"signing_secret": "whsec_"}, "signing_secret"),
        ({"old_signing_secret": "ä"}, "old_signing_secret"),
        ({"authorization": "Bearer x\r\nHost: elsewhere"}, "authorization"),
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


def test_limits_follow_the_settings() -> None:
    assert WEBHOOK.limits(settings_with()).events_per_request > 1
    assert WEBHOOK.limits(settings_with(send="event")).events_per_request == 1
    assert WEBHOOK.limits(settings_with()).event_age_most_s is None
    assert WEBHOOK.limits(settings_with(event_age_most_hours=24)).event_age_most_s == 86_400
