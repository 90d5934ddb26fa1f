"""What a reason means among the exceptions of deliveries: the words of verdicts, and codes of last faults. Pure."""

import re
from dataclasses import dataclass
from typing import Any

from connections.alert_codes import LABELS
from connections.models import ItemState
from events.reasons import HELD, INEXPRESSIBLE, PARKED, REASONS, REJECTED, RETRYING

HTTP_CODE = re.compile(r"http_[0-9]{3}")


@dataclass(frozen=True, slots=True)
class Meaning:
    """Items in this state, whose last fault has this code, or any but one; None means: whatever it is."""

    state: ItemState | None = None
    code: str | None = None
    other_than: str | None = None

    @property
    def parameters(self) -> dict[str, Any]:
        """What `FITS` takes."""
        return {"means_state": self.state, "means_code": self.code, "means_other_than": self.other_than}


# Verdicts count these by what became of the event; its row has that as the state, and the fault as the reason.
BY_STATE = {
    RETRYING: Meaning(ItemState.RETRYING),
    HELD: Meaning(ItemState.HELD),
    PARKED: Meaning(ItemState.PARKED),
    REJECTED: Meaning(ItemState.FAILED, other_than=INEXPRESSIBLE),
}
FITS = """(%(means_state)s::smallint IS NULL OR d.state = %(means_state)s)
      AND (%(means_code)s::text IS NULL OR d.reason = %(means_code)s)
      AND (%(means_other_than)s::text IS NULL OR d.reason <> %(means_other_than)s)"""
"""The condition on a row `d` of delivery_exception."""


def is_reason(text: str) -> bool:
    """Whether it is a reason that verdicts, deliveries or alerts may show."""
    return text in REASONS or text in LABELS or HTTP_CODE.fullmatch(text) is not None


def meaning_of(reason: str | None) -> Meaning:
    """Which items a reason stands for; None stands for all."""
    return BY_STATE.get(reason or "", Meaning(code=reason))
