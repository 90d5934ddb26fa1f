"""What an event of its type should say (reference 2.1.6): what is missing or unknown is told, what is no such thing
is left out. Pure."""

from collections.abc import Callable
from typing import Any

from events.batch import Violation
from events.decoding.violations import FIELD_MISSING, VALUE_UNKNOWN, WRONG_KIND

Place = tuple[str | int, ...]
Data = dict[str, Any]

PRODUCT_ACTIONS = frozenset(
    {
        "add_to_cart",
        "remove_from_cart",
        "checkout",
        "checkout_option",
        "click",
        "view_detail",
        "purchase",
        "refund",
        "add_to_wishlist",
        "remove_from_wish_list",
        "remove_from_wishlist",  # as custom events spell it; clients mix the two up
    }
)
PROMOTION_ACTIONS = frozenset({"view", "click"})
CUSTOM_EVENT_TYPES = PRODUCT_ACTIONS | {
    "navigation",
    "location",
    "search",
    "transaction",
    "user_content",
    "user_preference",
    "social",
    "other",
    "media",
    "attribution",
    "unknown",  # what the web SDK sends when it was told none (wire.md 5.4)
}


def check_fields(event_type: str, data: Data, place: Place, violations: list[Violation]) -> None:
    """Tell what the event lacks, and take out of `data` what later steps could not read. Never raises."""
    if (check := _CHECKS.get(event_type)) is not None:
        check(data, place, violations)


def _needs(field: str) -> "Callable[[Data, Place, list[Violation]], None]":
    def check(data: Data, place: Place, violations: list[Violation]) -> None:
        if _is_missing(data.get(field)):
            violations.append(Violation.at(FIELD_MISSING, *place, field))

    return check


def _is_missing(value: Any) -> bool:
    return value is None or (type(value) is str and not value.strip())


def _check_custom_event(data: Data, place: Place, violations: list[Violation]) -> None:
    given = data.get("custom_event_type")
    if given is not None and not _is_word_of(CUSTOM_EVENT_TYPES, given):
        violations.append(Violation.at(VALUE_UNKNOWN, *place, "custom_event_type"))


def _check_commerce(data: Data, place: Place, violations: list[Violation]) -> None:
    for field in ("product_action", "promotion_action", "shopping_cart"):
        keep_kind(data, field, dict, place, violations)
    _check_action(data, "product_action", PRODUCT_ACTIONS, place, violations)
    _check_action(data, "promotion_action", PROMOTION_ACTIONS, place, violations)
    for parent, field in (
        ("product_action", "products"),
        ("promotion_action", "promotions"),
        ("shopping_cart", "products"),
    ):
        _keep_objects(data.get(parent) or {}, field, (*place, parent), violations)
    keep_kind(data, "product_impressions", list, place, violations)
    # Before any is left out: places are places in what was sent.
    for index, impression in enumerate(data.get("product_impressions") or ()):
        if type(impression) is dict:
            _keep_objects(impression, "products", (*place, "product_impressions", index), violations)
    _keep_objects(data, "product_impressions", place, violations)
    if not any(data.get(name) for name in ("product_action", "promotion_action", "product_impressions")):
        violations.append(Violation.at(FIELD_MISSING, *place, "product_action"))


def _check_action(data: Data, field: str, known: frozenset[str], place: Place, violations: list[Violation]) -> None:
    if not (said := data.get(field)):
        return
    action = said.get("action")
    if _is_missing(action):
        violations.append(Violation.at(FIELD_MISSING, *place, field, "action"))
    elif not _is_word_of(known, action):
        violations.append(Violation.at(VALUE_UNKNOWN, *place, field, "action"))


def _is_word_of(known: frozenset[str], value: Any) -> bool:
    return type(value) is str and value.strip() in known


def keep_kind(data: Data, field: str, kind: type, place: Place, violations: list[Violation]) -> None:
    """Leave the field out of `data` when it is there and of another kind; null means absent."""
    value = data.get(field)
    if value is None:
        data.pop(field, None)
    elif type(value) is not kind:
        del data[field]
        violations.append(Violation.at(WRONG_KIND, *place, field))


def _keep_objects(data: Data, field: str, place: Place, violations: list[Violation]) -> None:
    """Leave out of the list what is no object."""
    keep_kind(data, field, list, place, violations)
    entries = data.get(field)
    if entries is None or all(type(entry) is dict for entry in entries):
        return
    violations.extend(
        Violation.at(WRONG_KIND, *place, field, index) for index, entry in enumerate(entries) if type(entry) is not dict
    )
    data[field] = [entry for entry in entries if type(entry) is dict]


_CHECKS: dict[str, Callable[[Data, Place, list[Violation]], None]] = {
    "screen_view": _needs("screen_name"),
    "session_end": _needs("session_duration_ms"),
    "custom_event": _check_custom_event,
    "commerce_event": _check_commerce,
}
