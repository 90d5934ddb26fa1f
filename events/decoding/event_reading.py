"""One event of the Events API: what makes it unusable, what it is called, when it happened (reference 2.1.6, 2.1.7).

Pure.
"""

import re
from typing import Any

from events.batch import BatchError, Event, Violation
from events.decoding import attributes
from events.decoding.event_fields import check_fields
from events.decoding.identities import names_nobody
from events.decoding.limits import TIME_MS_MOST
from events.decoding.violations import EVENT_TYPE_UNKNOWN, TIME_UNUSABLE, WRONG_KIND
from events.reasons import MALFORMED

EVENT_TYPES = frozenset(
    {
        "session_start",
        "session_end",
        "screen_view",
        "custom_event",
        "commerce_event",
        "application_state_transition",
        "first_run",
        "push_registration",
        "push_message",
        "push_reaction",
        "opt_out",
        "crash_report",
        "network_performance",
        "breadcrumb",
        "profile",
        "user_attribute_change",
        "user_identity_change",
        "uninstall",
        "pre_attribution",
    }
)
# What the catalogue calls an event of a type. Other types go by their type alone.
NAME_FIELDS = {
    "custom_event": "event_name",
    "screen_view": "screen_name",
    "application_state_transition": "application_transition_type",
    "profile": "profile_event_type",
    "push_message": "push_message_type",
}
COMMERCE_ACTIONS = ("product_action", "promotion_action", "product_impressions")
_DIGITS = re.compile(r"-?[0-9]{1,19}")
PROMOTION_WORDS = {1: "view", 2: "click", "1": "view", "2": "click"}  # the web SDK sends numbers (wire.md 5.4)


def check_event(event_type: str, data: dict[str, Any], index: int) -> None:
    """BatchError, naming the field, when no use can be made of the event."""
    if not event_type.strip():
        raise BatchError(MALFORMED, f"events[{index}].event_type is empty.")
    if event_type == "custom_event" and not _word(data.get("event_name")):
        raise BatchError(MALFORMED, f"events[{index}].data.event_name is missing: a custom event needs a name.")
    if event_type == "commerce_event":
        given = [name for name in COMMERCE_ACTIONS if data.get(name)]
        if len(given) > 1:
            raise BatchError(MALFORMED, f"events[{index}].data has {' and '.join(given)}; exactly one is allowed.")


def read_event(event_type: str, data: dict[str, Any], index: int, violations: list[Violation]) -> Event:
    """The event within its limits; what was mended is added to `violations`. Never raises."""
    place = ("events", index, "data")
    if event_type not in EVENT_TYPES:
        event_type = attributes.cut(event_type, ("events", index, "event_type"), violations)
        violations.append(Violation.at(EVENT_TYPE_UNKNOWN, "events", index, "event_type"))
    data = {name: value for name, value in data.items() if value is not None}
    _clean_custom_attributes(data, place, violations)
    name = _name(event_type, data, place, violations)
    check_fields(event_type, data, place, violations)
    return Event(
        event_type=event_type,
        name=name,
        occurred_at_ms=_time(data, place, violations),
        data=data,
        source_message_id=_id(data.get("source_message_id")),
    )


def _clean_custom_attributes(data: dict[str, Any], place: tuple[str | int, ...], violations: list[Violation]) -> None:
    custom = data.get("custom_attributes")
    if custom is None:
        return
    here = (*place, "custom_attributes")
    if type(custom) is dict:
        data["custom_attributes"] = attributes.clean(custom, here, violations)
    else:
        violations.append(Violation.at(WRONG_KIND, *here))
        del data["custom_attributes"]


def _name(event_type: str, data: dict[str, Any], place: tuple[str | int, ...], violations: list[Violation]) -> str:
    if event_type == "commerce_event":
        return _commerce_name(data, place, violations)
    field = NAME_FIELDS.get(event_type)
    name = _word(data.get(field)) if field else None
    if field is None or name is None:
        return ""
    data[field] = attributes.cut(name, (*place, field), violations)
    return str(data[field])


def _commerce_name(data: dict[str, Any], place: tuple[str | int, ...], violations: list[Violation]) -> str:
    """The action's word, which also replaces the number that the web SDK sends for a promotion's."""
    for field in ("product_action", "promotion_action"):
        action = data.get(field)
        if type(action) is dict:
            raw = action.get("action")
            word = (PROMOTION_WORDS.get(raw) if field == "promotion_action" and _is_key(raw) else None) or _word(raw)
            if word is not None:
                action["action"] = attributes.cut(word, (*place, field, "action"), violations)
                return str(action["action"])
    return "impression" if data.get("product_impressions") else ""


def _is_key(value: Any) -> bool:
    return type(value) is int or type(value) is str


def _time(data: dict[str, Any], place: tuple[str | int, ...], violations: list[Violation]) -> int | None:
    raw = data.get("timestamp_unixtime_ms")
    if raw is None:
        return None
    milliseconds = whole_number(raw)
    if milliseconds is not None and 0 < milliseconds < TIME_MS_MOST:
        return milliseconds
    violations.append(Violation.at(TIME_UNUSABLE, *place, "timestamp_unixtime_ms"))
    return None


def _word(value: Any) -> str | None:
    """Text or number as text without blanks around it; None when nothing is left."""
    if type(value) is not str and type(value) is not int:
        return None
    return str(value).strip() or None


def _id(value: Any) -> str | None:
    word = _word(value)
    return None if word is None or names_nobody(word) else word


def whole_number(value: Any) -> int | None:
    """The whole number that a number or a text of digits stands for; a fraction is cut off. None for others."""
    if type(value) is int or type(value) is float:
        return int(value)
    if type(value) is str and _DIGITS.fullmatch(value):
        return int(value)
    return None
