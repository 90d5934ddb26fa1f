"""Webhook: what happened, as JSON, to an address of the customer's own (reference: webhook output, 6.9)."""

from base64 import b64decode
from collections.abc import Mapping
from datetime import UTC, datetime
from functools import lru_cache

import msgspec
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
from directory.raw_batch import outgoing_batch
from directory.raw_settings import (
    AT_ONCE,
    GATHER,
    WHAT_FIELDS,
    WHICH_FIELDS,
    exclusion_problems,
    id_problems,
    shape_of,
    wants_of,
)

EVENTS_PER_BATCH_MOST = 500
REQUESTS_PER_SECOND_MOST = 100_000
HOURS_MOST = 10 * 365 * 24
# Standard Webhooks: a secret has 24 to 64 random bytes, in base64 and with a prefix.
SECRET_PREFIX, SECRET_BYTES_LEAST, SECRET_BYTES_MOST = "whsec_", 24, 64
SECRET_RULE = (
    f"A signing secret is base64 of {SECRET_BYTES_LEAST} to {SECRET_BYTES_MOST} random bytes, with or without "
    f"{SECRET_PREFIX} in front; `openssl rand -base64 32` makes one."
)
AUTHORIZATION_HELP = 'Sent as it stands here, for example: Basic, a space, and "name:password" in base64.'
SIGNING_HELP = "Signs each request by the Standard Webhooks scheme: base64, with or without whsec_ in front."


class Webhook(Integration):
    """POST to one address, per event, per batch or per gathered batch."""

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
        Field("authorization", "Authorization header", is_secret=True, help=AUTHORIZATION_HELP),
        Field("signing_secret", "Signing secret", is_secret=True, help=SIGNING_HELP),
        Field("old_signing_secret", "Former signing secret", is_secret=True, help="Also signs, while you change over."),
        Field(
            "send",
            "One request for",
            FieldType.CHOICE,
            help="A batch holds what one person did in one go, at most 500 events.",
            default="batch",
            choices=(("batch", "each batch"), ("event", "each event")),
        ),
        GATHER,
        Field(
            "event_age_most_hours",
            "Oldest event sent, in hours",
            FieldType.NUMBER,
            help="Empty: of any age.",
            least=1,
            most=HOURS_MOST,
        ),
        Field(
            "requests_per_second_most",
            "Requests a second",
            FieldType.NUMBER,
            help="At most so many; what is over waits its turn. Empty: as many as it takes.",
            least=0.1,
            most=REQUESTS_PER_SECOND_MOST,
        ),
        *WHICH_FIELDS,
        *WHAT_FIELDS,
    )
    sample_settings = {
        "url": "https://hooks.example.com/events",
        "authorization": "Bearer sample-token",
        "signing_secret": "whsec_c2FtcGxlLXNpZ25pbmctc2VjcmV0LTMyLWJ5dGVzIQ==",
    }

    def problems(self, settings: Settings) -> list[SettingsProblem]:
        problems = _secret_problems(settings)
        header = settings["authorization"] or ""
        if not (header.isascii() and header.isprintable()):
            problems.append(SettingsProblem("authorization", "The header must be one line of readable ASCII."))
        if settings["gather"] != AT_ONCE and settings["send"] == "event":
            problems.append(SettingsProblem("gather", "Gathered events go out together: choose one request per batch."))
        return problems + id_problems(settings) + exclusion_problems(settings)

    def wants(self, settings: Settings) -> Wants:
        return wants_of(settings)

    def limits(self, settings: Settings) -> Limits:
        hours = settings["event_age_most_hours"]
        return Limits(
            events_per_request=1 if settings["send"] == "event" else EVENTS_PER_BATCH_MOST,
            requests_per_second=settings["requests_per_second_most"] or None,
            event_age_most_s=int(hours * 3600) if hours else None,
        )

    def build(self, item: Item, settings: Settings) -> OutboundRequest:
        body = msgspec.json.encode(outgoing_batch(item, shape_of(settings)))
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


def _secret_problems(settings: Settings) -> list[SettingsProblem]:
    problems = [
        SettingsProblem(name, SECRET_RULE)
        for name in ("signing_secret", "old_signing_secret")
        if settings[name] and not _is_signing_secret(settings[name])
    ]
    if settings["old_signing_secret"] and not settings["signing_secret"]:
        told = "A former secret signs beside the one that replaces it: set the signing secret too, or remove this one."
        problems.append(SettingsProblem("old_signing_secret", told))
    return problems


def _is_signing_secret(text: str) -> bool:
    try:
        secret = b64decode(text.removeprefix(SECRET_PREFIX), validate=True)
    except ValueError:
        return False
    return SECRET_BYTES_LEAST <= len(secret) <= SECRET_BYTES_MOST


INTEGRATION = Webhook()
