"""Attributes within their limits: surplus goes in key order, names are cut, values too long are left out. Pure."""

from typing import Any

import msgspec

from events.batch import AttributeValue, Violation
from events.decoding.limits import (
    ATTRIBUTES_MOST,
    LIST_ENTRIES_MOST,
    LIST_ENTRY_CHARACTERS_MOST,
    NAME_CHARACTERS_MOST,
    VALUE_CHARACTERS_MOST,
)
from events.decoding.violations import (
    LIST_TOO_LONG,
    NAME_CUT,
    NAME_TAKEN,
    TOO_MANY_ATTRIBUTES,
    VALUE_FLATTENED,
    VALUE_TOO_LONG,
)

Place = tuple[str | int, ...]
_PLAIN_KINDS = frozenset({int, float, bool, type(None)})
_LEFT_OUT = object()


def clean(
    attributes: dict[str, Any], place: Place, violations: list[Violation], *, lists: bool = False
) -> dict[str, AttributeValue]:
    """Attributes as they may be kept; `lists` allows list attributes (user attributes have them).

    null stays: on a user it is a tag, on an event a data plan may ask for it.
    """
    return attributes if _is_clean(attributes) else _mend(attributes, place, violations, lists=lists)


def cut(name: str, place: Place, violations: list[Violation]) -> str:
    """A name of at most 256 characters."""
    if len(name) <= NAME_CHARACTERS_MOST:
        return name
    violations.append(Violation.at(NAME_CUT, *place))
    return name[:NAME_CHARACTERS_MOST]


def _is_clean(attributes: dict[str, Any]) -> bool:
    """The quick look that is enough for nearly every batch."""
    if len(attributes) > ATTRIBUTES_MOST:
        return False
    for name, value in attributes.items():
        if len(name) > NAME_CHARACTERS_MOST:
            return False
        kind = type(value)
        if (kind is str and len(value) > VALUE_CHARACTERS_MOST) or (kind is not str and kind not in _PLAIN_KINDS):
            return False
    return True


def _mend(
    attributes: dict[str, Any], place: Place, violations: list[Violation], *, lists: bool
) -> dict[str, AttributeValue]:
    names = sorted(attributes)
    if len(names) > ATTRIBUTES_MOST:
        violations.append(Violation.at(TOO_MANY_ATTRIBUTES, *place))
    kept: dict[str, AttributeValue] = {}
    for name in names[:ATTRIBUTES_MOST]:
        here = (*place, name[:NAME_CHARACTERS_MOST])
        short = cut(name, here, violations)
        if short in kept:
            violations.append(Violation.at(NAME_TAKEN, *here))
            continue
        value = _mend_value(attributes[name], here, violations, lists=lists)
        if value is not _LEFT_OUT:
            kept[short] = value
    return kept


def _mend_value(value: Any, place: Place, violations: list[Violation], *, lists: bool) -> Any:
    if lists and type(value) is list:
        return _mend_list(value, place, violations)
    if type(value) in {list, dict}:
        violations.append(Violation.at(VALUE_FLATTENED, *place))
        value = msgspec.json.encode(value).decode()
    if type(value) is str and len(value) > VALUE_CHARACTERS_MOST:
        violations.append(Violation.at(VALUE_TOO_LONG, *place))
        return _LEFT_OUT
    return value


def _mend_list(entries: list[Any], place: Place, violations: list[Violation]) -> list[str]:
    if len(entries) > LIST_ENTRIES_MOST:
        violations.append(Violation.at(LIST_TOO_LONG, *place))
    texts = [_text(entry) for entry in entries[:LIST_ENTRIES_MOST] if entry is not None]
    kept = [text for text in texts if len(text) <= LIST_ENTRY_CHARACTERS_MOST]
    if len(kept) < len(texts):
        violations.append(Violation.at(VALUE_TOO_LONG, *place))
    return kept


def _text(entry: Any) -> str:
    return entry if type(entry) is str else msgspec.json.encode(entry).decode()
