"""What a batch changed in a person's consent, as raw outputs tell it (reference: Events API 2.1.8). Pure."""

from collections.abc import Mapping
from typing import Any

Consent = Mapping[str, Mapping[str, Any]]
"""Records by purpose by regulation."""


def consent_changes(old: Consent, new: Consent) -> list[dict[str, Any]]:
    """One notification for each purpose whose record is another now, with both records; null where there is none.

    In order of regulation and purpose, so that a repeat says the same.
    """
    return [
        _notification(regulation, purpose, before.get(purpose), after.get(purpose))
        for regulation in sorted(old.keys() | new.keys())
        for before, after in [(old.get(regulation, {}), new.get(regulation, {}))]
        for purpose in sorted(before.keys() | after.keys())
        if before.get(purpose) != after.get(purpose)
    ]


def _notification(regulation: str, purpose: str, before: Any, after: Any) -> dict[str, Any]:
    state = f"{regulation}_consent_state"
    return {"type": state, "purpose": purpose, f"old_{state}": before, f"new_{state}": after}
