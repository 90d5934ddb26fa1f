"""A batch as raw outputs send it (reference: Events API 2.1.8). Pure."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from directory.contracts import ForwardedBatch, ForwardedEvent, Item
from events.identity_types import IdentityType

SCHEMA_VERSION = 2
CARRIED = (
    "application_info",
    "attribution_info",
    "consent_state",
    "context",
    "deleted_user_attributes",
    "integration_attributes",
    "job_id",
    "partner_identities",
    "sdk_version",
)
LOCATION = frozenset({"location"})
STAMP = IdentityType.DEVICE_APPLICATION_STAMP
DEVICE_FIELDS = {kind: kind.word for kind in IdentityType if kind.is_device and kind is not STAMP}
DEVICE_NAMES = frozenset(DEVICE_FIELDS.values())
USER_FIELDS = {kind: kind.word for kind in IdentityType if not kind.is_device}


@dataclass(frozen=True, slots=True)
class Shape:
    """What may be in it besides the events."""

    location: bool
    device_ids: bool
    ip: bool


def outgoing_batch(item: Item, shape: Shape) -> dict[str, Any]:
    """The JSON object of one request.

    `mpid` is a string: the wire allows both, and a number beyond 2^53 would be rounded by JavaScript receivers.
    """
    batch = item.batch
    body = {name: batch.envelope[name] for name in CARRIED if name in batch.envelope}
    if shape.ip and "ip" in batch.envelope:
        body["ip"] = batch.envelope["ip"]
    if not shape.location and "context" in body:
        body["context"] = _without(body["context"], LOCATION)
    return {
        **body,
        **_device(batch, shape),
        **_identification(item),
        "user_attributes": batch.user_attributes,
        "user_identities": _user_identities(batch.identities),
        "events": [_event(event, shape) for event in batch.events],
    }


def _identification(item: Item) -> dict[str, Any]:
    batch = item.batch
    found: dict[str, Any] = {
        "schema_version": SCHEMA_VERSION,
        "environment": batch.environment,
        "batch_id": batch.batch_id,
        "unique_id": item.delivery_id,
        "mpid": str(batch.mpid),
        "timestamp_unixtime_ms": batch.received_at_ms,
        "source_info": {"channel": _channel(batch), "is_historical": False},
    }
    if batch.source_request_id is not None:
        found["source_request_id"] = batch.source_request_id
    return found


def _device(batch: ForwardedBatch, shape: Shape) -> dict[str, Any]:
    info = _without(batch.envelope.get("device_info") or {}, DEVICE_NAMES)
    if not shape.device_ids:
        return {"device_info": info}
    found: dict[str, Any] = {"device_info": info}
    for kind, value in batch.identities.items():
        if kind is STAMP:
            found["mp_deviceid"] = value
        elif kind in DEVICE_FIELDS:
            info[DEVICE_FIELDS[kind]] = value
    return found


def _channel(batch: ForwardedBatch) -> str:
    if batch.input_kind == "feed":
        return "server_to_server"
    return "javascript" if batch.platform == "web" else "native"


def _user_identities(identities: Mapping[IdentityType, str]) -> list[dict[str, str]]:
    return [
        {"identity_type": USER_FIELDS[kind], "identity": value}
        for kind, value in identities.items()
        if kind in USER_FIELDS
    ]


def _event(event: ForwardedEvent, shape: Shape) -> dict[str, Any]:
    data = {
        "event_start_unixtime_ms": event.occurred_at_ms,
        **event.data,
        "event_id": event.event_id,
        "message_id": event.event_id,
        "message_type": event.event_type,
        "timestamp_unixtime_ms": event.occurred_at_ms,
    }
    if not shape.location:
        data.pop("location", None)
    return {"event_type": event.event_type, "data": data}


def _without(value: Mapping[str, Any], names: frozenset[str]) -> dict[str, Any]:
    return {name: held for name, held in value.items() if name not in names}
