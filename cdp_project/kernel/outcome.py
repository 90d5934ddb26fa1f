"""What a step of work can answer about one item, as values. Nothing else is allowed."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Drop:
    """The item goes no further, on purpose; it is counted under `reason`."""

    reason: str


@dataclass(frozen=True, slots=True)
class Quarantine:
    """The item is put aside whole, with why, to be looked at and tried again."""

    reason: str
    detail: str = ""


Outcome = Drop | Quarantine
"""None in its place means: go on."""
