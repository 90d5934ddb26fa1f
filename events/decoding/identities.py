"""Identities as clients write them: all spellings, and none of the values that would glue strangers together. Pure."""

from collections.abc import Mapping
from typing import Any

from events.batch import Violation
from events.decoding.limits import IDENTITY_CHARACTERS_MOST
from events.decoding.violations import IDENTITY_MEANINGLESS, IDENTITY_TYPE_UNKNOWN, VALUE_TOO_LONG, WRONG_KIND
from events.identity_types import IdentityType, identity_type

# What programs write for "nobody" (peers.md 29). A phone that forbids tracking gives an id of zeros.
_NOBODY = frozenset({"", "0", "null", "(null)", "nil", "none", "undefined", "nan", "[object object]"})
_NOBODY_ZEROS = "00000000-0000-0000-0000-000000000000"

_DEVICE_FIELDS = {kind.word: kind for kind in IdentityType if kind.is_device}


def names_nobody(value: str) -> bool:
    """The value stands for a missing one."""
    word = value.strip().lower()
    return word in _NOBODY or word == _NOBODY_ZEROS


def of_user(fields: Mapping[str, Any], violations: list[Violation]) -> dict[IdentityType, str]:
    """Identities of `user_identities`, by type; the first spelling of a type that has a value wins."""
    found: dict[IdentityType, str] = {}
    for spelling, raw in fields.items():
        kind = identity_type(spelling)
        place = ("user_identities", spelling[:IDENTITY_CHARACTERS_MOST])
        if kind is None:
            violations.append(Violation.at(IDENTITY_TYPE_UNKNOWN, *place))
        elif (value := _value(raw, place, violations)) is not None:
            found.setdefault(kind, value)
    return found


def of_device(fields: Mapping[str, Any], violations: list[Violation]) -> dict[IdentityType, str]:
    """Identities among the fields of `device_info` (reference 2.1.4)."""
    found = {}
    for name, kind in _DEVICE_FIELDS.items():
        if name in fields and (value := _value(fields[name], ("device_info", name), violations)) is not None:
            found[kind] = value
    return found


def of_stamp(stamp: str | int | None, violations: list[Violation]) -> dict[IdentityType, str]:
    """The device application stamp, `mp_deviceid` of a batch."""
    value = _value(stamp, ("mp_deviceid",), violations)
    return {} if value is None else {IdentityType.DEVICE_APPLICATION_STAMP: value}


def _value(raw: Any, place: tuple[str, ...], violations: list[Violation]) -> str | None:
    """The value as text; None when there is none that may be used."""
    if raw is None:
        return None
    if type(raw) is not str and type(raw) is not int:
        violations.append(Violation.at(WRONG_KIND, *place))
        return None
    # Blanks come from files and forms, and no identity means them: with them one person would be two. Case stays:
    # the reference tells nothing of it, and a customer id may differ by it.
    value = str(raw).strip()
    if names_nobody(value):
        violations.append(Violation.at(IDENTITY_MEANINGLESS, *place))
        return None
    if len(value) > IDENTITY_CHARACTERS_MOST:
        violations.append(Violation.at(VALUE_TOO_LONG, *place))
        return None
    return value
