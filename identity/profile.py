"""What a batch does to a profile. Pure: times and the order of batches are passed in."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from cdp_project.kernel import clock
from events.batch import AttributeValue
from events.identity_types import PRIORITY, IdentityType
from identity.forgotten import Forgotten, change

DEVICES_MOST = 50
"""Devices kept of one person; the one not seen for longest goes."""

# Tells consent from attributes among what was taken away; JSON carries it, people do not type it.
_CONSENT_PREFIX = "\x1f"
_DEVICE_FIELDS = (
    "platform",
    "brand",
    "device_manufacturer",
    "device_model",
    "os_version",
    "locale_country",
    "locale_language",
    "limit_ad_tracking",
    "att_authorization_status",
)
_APPLICATION_FIELDS = ("application_name", "application_version", "package")


@dataclass(slots=True)
class ProfileState:
    """A profile as it is kept. `devices` maps the installation's id to what is known of it."""

    person_no: int
    origin: int
    is_known: bool
    first_seen_at: datetime
    last_seen_at: datetime
    last_seq: int
    attributes: dict[str, AttributeValue] = field(default_factory=dict)
    identities: dict[str, str] = field(default_factory=dict)
    devices: dict[str, dict[str, Any]] = field(default_factory=dict)
    consent: dict[str, dict[str, Any]] = field(default_factory=dict)
    forgotten: Forgotten = field(default_factory=dict)
    late_count: int = 0
    identity_times: dict[str, int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Said:
    """What a batch says of its person. `identities` are those that count as theirs.

    `first_at` and `last_at` are when the person was there: the reception of the batch, unless it tells history.
    """

    accept_seq: int
    first_at: datetime
    last_at: datetime
    is_known: bool
    identities: Mapping[IdentityType, str]
    attributes: Mapping[str, AttributeValue]
    deleted_attributes: list[str]
    envelope: Mapping[str, Any]


def update(state: ProfileState, said: Said) -> bool:
    """Apply the batch; True when it comes late, after one that was accepted later.

    A late batch fills in what is missing, unless that was taken away by one accepted later, and overwrites nothing.
    """
    is_late = said.accept_seq < state.last_seq
    state.late_count += is_late
    state.is_known = state.is_known or said.is_known
    state.first_seen_at = min(state.first_seen_at, said.first_at)
    state.last_seen_at = max(state.last_seen_at, said.last_at)
    state.last_seq = max(state.last_seq, said.accept_seq)
    _update_attributes(state, said, is_late=is_late)
    _update_identities(state, said, is_late=is_late)
    _update_device(state, said, is_late=is_late)
    _update_consent(state, said, is_late=is_late)
    return is_late


def _put(target: dict[str, Any], values: Mapping[str, Any], *, is_late: bool) -> None:
    for name, value in values.items():
        if not (is_late and name in target):
            target[name] = value


def _update_attributes(state: ProfileState, said: Said, *, is_late: bool) -> None:
    """Reference: Events API 2.1.3. null is a tag, a list a list attribute; what is deleted and set again is set."""
    given, taken = said.attributes, said.deleted_attributes
    change(state.attributes, state.forgotten, said.accept_seq, is_late=is_late, given=given, taken=taken)


def _update_identities(state: ProfileState, said: Said, *, is_late: bool) -> None:
    """The value of each type, and since when it is the person's (reference: Events API 2.1.8)."""
    for kind, value in said.identities.items():
        word = kind.word
        if not kind.is_device and value != state.identities.get(word) and not (is_late and word in state.identities):
            state.identities[word] = value
            state.identity_times[word] = clock.milliseconds(said.first_at)


def _update_consent(state: ProfileState, said: Said, *, is_late: bool) -> None:
    """One record for each purpose of each regulation; null takes a record away."""
    for regulation, purposes in (said.envelope.get("consent_state") or {}).items():
        if isinstance(purposes, dict):
            change(
                state.consent.setdefault(regulation, {}),
                state.forgotten,
                said.accept_seq,
                is_late=is_late,
                given={purpose: record for purpose, record in purposes.items() if record is not None},
                taken=[purpose for purpose, record in purposes.items() if record is None],
                prefix=_CONSENT_PREFIX + regulation + _CONSENT_PREFIX,
            )


def _update_device(state: ProfileState, said: Said, *, is_late: bool) -> None:
    key = device_key(said.identities)
    if key is None:
        return
    device = state.devices.setdefault(key, {"first_seen_at": said.first_at.isoformat()})
    _put(device, _device_facts(said), is_late=is_late)
    device["last_seen_at"] = max(device.get("last_seen_at", ""), said.last_at.isoformat())
    if len(state.devices) > DEVICES_MOST:
        del state.devices[min(state.devices, key=lambda each: str(state.devices[each]["last_seen_at"]))]


def device_key(identities: Mapping[IdentityType, str]) -> str | None:
    """The device application stamp; without one, the first device identity by priority, with its type."""
    stamp = identities.get(IdentityType.DEVICE_APPLICATION_STAMP)
    if stamp is not None:
        return stamp
    return next((f"{kind.word}:{identities[kind]}" for kind in PRIORITY if kind.is_device and kind in identities), None)


def _device_facts(said: Said) -> dict[str, Any]:
    facts: dict[str, Any] = {kind.word: value for kind, value in said.identities.items() if kind.is_device}
    for part, names in (("device_info", _DEVICE_FIELDS), ("application_info", _APPLICATION_FIELDS)):
        info = said.envelope.get(part) or {}
        facts |= {name: info[name] for name in names if name in info}
    return facts
