"""Webhook: what happened, as JSON, to an address of the customer's own (reference: webhook output, 6.9)."""

from collections.abc import Mapping
from datetime import UTC, datetime
from functools import lru_cache

import msgspec
from standardwebhooks.webhooks import EmptyWebhookSecretError
from standardwebhooks.webhooks import Webhook as Signer

from directory.answers import verdict_for_status
from directory.contracts import (
    Delivery,
    Field,
    FieldType,
    Integration,
    Item,
    Kind,
    Limits,
    OutboundRequest,
    Settings,
    SettingsProblem,
    Wants,
)
from directory.raw_batch import Shape, outgoing_batch

EVENTS_PER_BATCH_MOST = 500
HOURS_MOST = 10 * 365 * 24
TOGGLES: dict[str, tuple[str, frozenset[str]]] = {
    "send_custom_events": ("Custom events", frozenset({"custom_event"})),
    "send_screen_views": ("Screen views", frozenset({"screen_view"})),
    "send_commerce_events": ("Commerce events", frozenset({"commerce_event"})),
    "send_lifecycle_events": (
        "Sessions and application states",
        frozenset({"session_start", "session_end", "application_state_transition", "first_run", "uninstall"}),
    ),
    "send_push_events": ("Push messages", frozenset({"push_registration", "push_message", "push_reaction"})),
    "send_crash_reports": ("Crash reports", frozenset({"crash_report", "breadcrumb"})),
    "send_network_events": ("Network performance", frozenset({"network_performance"})),
    "send_attribute_changes": ("User attribute changes", frozenset({"user_attribute_change"})),
    "send_identity_changes": ("User identity changes", frozenset({"user_identity_change"})),
}
WHICH, WHAT = "Which events it sends", "What it includes"
SIGNING_HELP = "Signs each request by the Standard Webhooks scheme: base64, with or without whsec_ in front."


def _switch(name: str, label: str, *, on: bool, group: str) -> Field:
    return Field(name, label, FieldType.SWITCH, default=on, group=group)


class Webhook(Integration):
    """POST to one address, per event or per batch."""

    key = "webhook"
    name = "Webhook"
    summary = "Sends events as JSON to an address of your own, signed so that you can tell they are genuine."
    categories = ("Raw data",)
    kinds = frozenset({Kind.EVENT})
    event_types = None
    identity_types = None
    expands_commerce = False
    fields = (
        Field("url", "Address", FieldType.URL, help="Receives every request by POST.", is_required=True),
        Field("authorization", "Authorization header", is_secret=True, help="Sent as it stands here."),
        Field("signing_secret", "Signing secret", is_secret=True, help=SIGNING_HELP),
        Field("old_signing_secret", "Former signing secret", is_secret=True, help="Also signs, while you change over."),
        Field(
            "send",
            "One request for",
            FieldType.CHOICE,
            default="batch",
            choices=(("batch", "each batch"), ("event", "each event")),
        ),
        Field(
            "event_age_most_hours",
            "Oldest event sent, in hours",
            FieldType.NUMBER,
            help="Empty: of any age.",
            least=1,
            most=HOURS_MOST,
        ),
        *(_switch(name, label, on=True, group=WHICH) for name, (label, _) in TOGGLES.items()),
        _switch("send_batches_without_events", "Batches without events", on=False, group=WHICH),
        _switch("include_location", "Location", on=True, group=WHAT),
        _switch("include_device_ids", "Device identities", on=True, group=WHAT),
        _switch("include_ip", "IP address", on=False, group=WHAT),
    )
    sample_settings = {
        "url": "https://hooks.example.com/events",
        "authorization": "Bearer sample-token",
        "signing_secret": "whsec_c2FtcGxlLXNpZ25pbmctc2VjcmV0LTMyLWJ5dGVzIQ==",
    }

    def problems(self, settings: Settings) -> list[SettingsProblem]:
        problems = [
            SettingsProblem(name, "A signing secret is base64 of at least one byte, as whsec_MfKQ9r8G.")
            for name in ("signing_secret", "old_signing_secret")
            if settings[name] and not _is_signing_secret(settings[name])
        ]
        header = settings["authorization"] or ""
        if not (header.isascii() and header.isprintable()):
            problems.append(SettingsProblem("authorization", "The header must be one line of readable ASCII."))
        return problems

    def wants(self, settings: Settings) -> Wants:
        off = (types for name, (_, types) in TOGGLES.items() if not settings[name])
        return Wants(
            left_out=frozenset[str]().union(*off),
            batches_without_events=settings["send_batches_without_events"],
        )

    def limits(self, settings: Settings) -> Limits:
        hours = settings["event_age_most_hours"]
        return Limits(
            events_per_request=1 if settings["send"] == "event" else EVENTS_PER_BATCH_MOST,
            event_age_most_s=int(hours * 3600) if hours else None,
        )

    def build(self, item: Item, settings: Settings) -> OutboundRequest:
        shape = Shape(
            location=settings["include_location"],
            device_ids=settings["include_device_ids"],
            ip=settings["include_ip"],
        )
        body = msgspec.json.encode(outgoing_batch(item, shape))
        headers = {"Content-Type": "application/json", "webhook-id": item.delivery_id}
        if settings["authorization"]:
            headers["Authorization"] = settings["authorization"]
        return OutboundRequest("POST", settings["url"], headers | _signature(item, settings, body), body)

    def judge(self, status: int, headers: Mapping[str, str], body: bytes) -> Delivery:
        return verdict_for_status(status, headers)


def _signature(item: Item, settings: Settings, body: bytes) -> dict[str, str]:
    secrets = [settings[name] for name in ("signing_secret", "old_signing_secret") if settings[name]]
    at = datetime.fromtimestamp(item.sent_at_s, UTC)
    signed = " ".join(_signer(secret).sign(item.delivery_id, at, body.decode()) for secret in secrets)
    return {"webhook-timestamp": str(item.sent_at_s)} | ({"webhook-signature": signed} if signed else {})


@lru_cache(maxsize=256)
def _signer(secret: str) -> Signer:
    return Signer(secret)


def _is_signing_secret(text: str) -> bool:
    try:
        Signer(text)
    except (ValueError, EmptyWebhookSecretError):
        return False
    return True


INTEGRATION = Webhook()
