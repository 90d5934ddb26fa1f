"""Consent as a batch tells it (reference 2.1.5, 14.2): a record for each purpose of each regulation. Pure."""

from typing import Any

from events.batch import Violation
from events.decoding.event_fields import keep_kind
from events.decoding.violations import FIELD_MISSING, WRONG_KIND

_NEEDED = ("consented", "timestamp_unixtime_ms")


def read_consent(said: dict[str, Any], violations: list[Violation]) -> dict[str, Any]:
    """The records that say something. null stays: it takes a record away. Never raises."""
    kept: dict[str, Any] = {}
    for regulation, purposes in said.items():
        place = ("consent_state", regulation)
        if type(purposes) is dict:
            records = {name: _read(record, (*place, name), violations) for name, record in purposes.items()}
            # Without any entry it says nothing of anybody.
            kept[regulation] = {name: record for name, record in records.items() if record or purposes[name] is None}
        elif purposes is not None:
            violations.append(Violation.at(WRONG_KIND, *place))
    return {regulation: records for regulation, records in kept.items() if records}


def _read(record: Any, place: tuple[str | int, ...], violations: list[Violation]) -> dict[str, Any] | None:
    if record is None:
        return None
    if type(record) is not dict:
        violations.append(Violation.at(WRONG_KIND, *place))
        return None
    keep_kind(record, "consented", bool, place, violations)
    violations.extend(Violation.at(FIELD_MISSING, *place, name) for name in _NEEDED if record.get(name) is None)
    return record
