"""The Events API's batch, which mParticle's server and web SDKs send, in the house's words (reference 2.1.3). Pure."""

from typing import Any

import msgspec

from cdp_project.workspaces.environment import Environment
from events.batch import Batch, BatchError, BatchHead, Event, Violation
from events.decoding import attributes, identities
from events.decoding.consent_reading import read_consent
from events.decoding.event_reading import check_event, read_event, whole_number
from events.decoding.limits import BATCH_BYTES_MOST, INTEGER_LEAST, INTEGER_MOST, NESTING_MOST, VIOLATIONS_MOST
from events.decoding.safe_json import check_nesting, may_hold_large_integers, may_nest_too_deep, mend_integers, parse
from events.decoding.violations import MORE
from events.identity_types import IdentityType
from events.reasons import BATCH_TOO_LARGE, MALFORMED

# Nesting of what a `WireBatch` holds: the batch itself, its list of events and the event are levels too.
_FIELD_LEVELS, _DATA_LEVELS = NESTING_MOST - 1, NESTING_MOST - 3


class WireEvent(msgspec.Struct):
    """An event as it comes."""

    event_type: str
    data: dict[str, Any] | None = None


class WireBatch(msgspec.Struct):
    """A batch as it comes: what is not named here is ignored, null means absent."""

    events: list[WireEvent] | None = None
    environment: str | None = None
    source_request_id: str | int | None = None
    mpid: int | float | str | None = None
    mp_deviceid: str | int | None = None
    user_identities: dict[str, Any] | None = None
    user_attributes: dict[str, Any] | None = None
    deleted_user_attributes: list[Any] | None = None
    device_info: dict[str, Any] | None = None
    application_info: dict[str, Any] | None = None
    consent_state: dict[str, Any] | None = None
    integration_attributes: dict[str, Any] | None = None
    partner_identities: dict[str, Any] | None = None
    attribution_info: dict[str, Any] | None = None
    context: dict[str, Any] | None = None
    batch_context: dict[str, Any] | None = None
    location: dict[str, Any] | None = None
    ip: str | None = None
    sdk_version: str | int | float | None = None
    timestamp_unixtime_ms: int | float | str | None = None


class CountedBatch(msgspec.Struct):
    """Of a batch that cannot be used, its events unread."""

    events: list[msgspec.Raw] | None = None


_KEPT_OBJECTS = (
    "device_info",
    "application_info",
    "consent_state",
    "integration_attributes",
    "partner_identities",
    "attribution_info",
    "context",
    "location",
)
_OBJECTS = ("user_identities", "user_attributes", "batch_context", *_KEPT_OBJECTS)
_ENVELOPE = (*_KEPT_OBJECTS, "ip", "sdk_version", "timestamp_unixtime_ms")
_decoder = msgspec.json.Decoder(WireBatch)
_counter = msgspec.json.Decoder(CountedBatch)


def head_of(body: bytes) -> BatchHead:
    """What intake must know of the batch. BatchError exactly when `batch_of` would raise one."""
    wire, violations = _read(body)
    return BatchHead(
        environment=_environment(wire.environment),
        mpid=_mpid(wire.mpid),
        identities=_identities(wire, violations),
        event_count=len(wire.events or ()),
    )


def count_events(body: bytes) -> int:
    """How many events a batch holds that cannot be used; 0 when it has no list of them. The body's size bounds it."""
    try:
        return len(_counter.decode(body).events or ())
    except (msgspec.MsgspecError, RecursionError, UnicodeDecodeError):
        return 0


def batch_of(body: bytes) -> Batch:
    """The whole batch, within all limits. BatchError names the field that makes it unusable."""
    wire, violations = _read(body)
    if may_hold_large_integers(body):
        _mend_large_integers(wire, violations)
    batch = _batch(wire, violations)
    if len(violations) > VIOLATIONS_MOST:
        batch.violations = [*violations[:VIOLATIONS_MOST], Violation(MORE, "")]
    return batch


def _batch(wire: WireBatch, violations: list[Violation]) -> Batch:
    return Batch(
        environment=_environment(wire.environment),
        source_request_id=_text(wire.source_request_id),
        mpid=_mpid(wire.mpid),
        identities=_identities(wire, violations),
        user_attributes=attributes.clean(wire.user_attributes or {}, ("user_attributes",), violations, lists=True),
        deleted_user_attributes=_deleted(wire.deleted_user_attributes or [], violations),
        envelope=_envelope(wire, violations),
        events=_events(wire.events or [], violations),
        violations=violations,
    )


def _read(body: bytes) -> tuple[WireBatch, list[Violation]]:
    """The batch as it came, after everything was checked that can make it unusable."""
    if len(body) > BATCH_BYTES_MOST:
        raise BatchError(BATCH_TOO_LARGE, f"The batch has {len(body)} bytes; at most {BATCH_BYTES_MOST} are taken.")
    wire, violations = parse(body, _decoder)
    may_nest = may_nest_too_deep(body)
    if may_nest:
        _check_nesting(wire)
    _environment(wire.environment)
    _mpid(wire.mpid)
    for index, event in enumerate(wire.events or ()):
        if may_nest and event.data:
            check_nesting(event.data, _DATA_LEVELS)
        check_event(event.event_type, event.data or {}, index)
    return wire, violations


def _check_nesting(wire: WireBatch) -> None:
    for name in _OBJECTS:
        if value := getattr(wire, name):
            check_nesting(value, _FIELD_LEVELS)
    check_nesting(wire.deleted_user_attributes or [], _FIELD_LEVELS)


def _mend_large_integers(wire: WireBatch, violations: list[Violation]) -> None:
    for name in (*_OBJECTS, "sdk_version", "timestamp_unixtime_ms"):
        setattr(wire, name, mend_integers(getattr(wire, name), (name,), violations))
    for index, event in enumerate(wire.events or ()):
        event.data = mend_integers(event.data, ("events", index, "data"), violations)


def _environment(word: str | None) -> Environment:
    if word is None:
        return Environment.PRODUCTION
    environment = Environment.of(word)
    if environment is None:
        raise BatchError(MALFORMED, "environment must be production or development.")
    return environment


def _mpid(value: float | str | None) -> int | None:
    """A signed 64-bit number, however it is written (wire.md 2.3); None for absent and for 0."""
    if value is None or value == "":
        return None
    mpid = whole_number(value)
    if mpid is None or not INTEGER_LEAST <= mpid <= INTEGER_MOST:
        raise BatchError(MALFORMED, "mpid must be a whole number of 64 bits.")
    return mpid or None


def _identities(wire: WireBatch, violations: list[Violation]) -> dict[IdentityType, str]:
    found = identities.of_stamp(wire.mp_deviceid, violations)
    found |= identities.of_device(wire.device_info or {}, violations)
    return found | identities.of_user(wire.user_identities or {}, violations)


def _deleted(names: list[Any], violations: list[Violation]) -> list[str]:
    return [
        attributes.cut(name, ("deleted_user_attributes", index), violations)
        for index, name in enumerate(names)
        if type(name) is str
    ]


def _envelope(wire: WireBatch, violations: list[Violation]) -> dict[str, Any]:
    found = {name: value for name in _ENVELOPE if (value := getattr(wire, name)) is not None}
    if "context" not in found and wire.batch_context is not None:
        found["context"] = wire.batch_context
    if consent := found.pop("consent_state", None):
        found["consent_state"] = read_consent(consent, violations)
    for name in ("device_info", "application_info"):
        if name in found:
            found[name] = {key: value for key, value in found[name].items() if value is not None}
    return found


def _events(wires: list[WireEvent], violations: list[Violation]) -> list[Event]:
    return [read_event(wire.event_type, wire.data or {}, index, violations) for index, wire in enumerate(wires)]


def _text(value: str | int | None) -> str | None:
    """An id as text. "null" and its like are no id: everybody's batches would be repeats of the first."""
    return None if value is None or identities.names_nobody(str(value)) else str(value).strip()
