"""A batch as raw outputs send it (reference: Events API 2.1.8). Pure."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from directory.contracts import ForwardedBatch, ForwardedEvent, Item
from events.identity_types import IdentityType

SCHEMA_VERSION = 2
CARRIED = (
    "attribution_info",
    "consent_state",
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
    """What may be in it besides the events.

    `metadata` describes app, device and source. `unique_id` is what stands in the field of that name; "" is the
    id of the request, None leaves the field out. `excluded` names fields, or parts of them as "device_info.device".
    """

    location: bool
    batch_location: bool
    device_ids: bool
    metadata: bool
    ip: bool
    unique_id: str | None
    excluded: frozenset[str]


def outgoing_batch(item: Item, shape: Shape) -> dict[str, Any]:
    """The JSON object of one request.

    `mpid` is a string: the wire allows both, and a number beyond 2^53 would be rounded by JavaScript receivers.
    """
    batch = item.batch
    body = {
        **{name: batch.envelope[name] for name in CARRIED if name in batch.envelope},
        **_context(batch, shape),
        **_metadata(batch, shape),
        **_identification(item, shape),
        "user_attributes": batch.user_attributes,
        "user_identities": _user_identities(batch),
        "system_notifications": batch.envelope.get("system_notifications", []),
        "events": [_event(event, shape) for event in batch.events],
    }
    return _excluding(body, shape.excluded) if shape.excluded else body


def _context(batch: ForwardedBatch, shape: Shape) -> dict[str, Any]:
    """Where and under which plan; the address of the client only if asked for."""
    found: dict[str, Any] = {"ip": batch.envelope["ip"]} if shape.ip and "ip" in batch.envelope else {}
    context = batch.envelope.get("context") or {}
    if shape.batch_location and (location := _location(batch)):
        found["context"] = {**context, "location": location}
    elif "context" in batch.envelope:
        found["context"] = _without(context, LOCATION)
    return found


def _location(batch: ForwardedBatch) -> Any:
    """The batch's location; where it has none, that of its first event with one (reference 2.1.6)."""
    context = batch.envelope.get("context") or {}
    told = context.get("location") or batch.envelope.get("location")
    return told or next((found for event in batch.events if (found := event.data.get("location"))), None)


def _metadata(batch: ForwardedBatch, shape: Shape) -> dict[str, Any]:
    """App, device and source. Device identities stand within the device, and go by a switch of their own."""
    found: dict[str, Any] = {}
    device: dict[str, Any] = {}
    if shape.metadata:
        device = _without(batch.envelope.get("device_info") or {}, DEVICE_NAMES)
        found["source_info"] = {"channel": _channel(batch), "is_historical": False}
        if "application_info" in batch.envelope:
            found["application_info"] = batch.envelope["application_info"]
    if shape.device_ids:
        device |= {DEVICE_FIELDS[kind]: value for kind, value in batch.identities.items() if kind in DEVICE_FIELDS}
        if STAMP in batch.identities:
            found["mp_deviceid"] = batch.identities[STAMP]
    return found | ({"device_info": device} if device or shape.metadata else {})


def _identification(item: Item, shape: Shape) -> dict[str, Any]:
    batch = item.batch
    found: dict[str, Any] = {
        "schema_version": SCHEMA_VERSION,
        "environment": batch.environment,
        "batch_id": batch.batch_id,
        "mpid": str(batch.mpid),
        "timestamp_unixtime_ms": batch.received_at_ms,
    }
    if shape.unique_id is not None:
        found["unique_id"] = shape.unique_id or item.delivery_id
    if batch.source_request_id is not None:
        found["source_request_id"] = batch.source_request_id
    return found


def _channel(batch: ForwardedBatch) -> str:
    if batch.input_kind == "feed":
        return "server_to_server"
    return "javascript" if batch.platform == "web" else "native"


def _user_identities(batch: ForwardedBatch) -> list[dict[str, Any]]:
    """Each with the time at which the person got it; the batch's own where that was never noted."""
    return [
        {
            "identity_type": USER_FIELDS[kind],
            "identity": value,
            "timestamp_unixtime_ms": batch.identity_times.get(kind, batch.received_at_ms),
        }
        for kind, value in batch.identities.items()
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


def _excluding(body: Mapping[str, Any], excluded: frozenset[str]) -> dict[str, Any]:
    found = _without(body, excluded)
    for each in excluded:
        name, _, part = each.partition(".")
        if part and isinstance(found.get(name), dict):
            found[name] = _without(found[name], frozenset({part}))
    return found


def _without(value: Mapping[str, Any], names: frozenset[str]) -> dict[str, Any]:
    return {name: held for name, held in value.items() if name not in names}
