"""People made for MPIDs that clients name: so many an input and minute, what is beyond is put aside and not lost.

Each pipeline process counts for itself: the bound is about a client gone wild, not about billing.
"""

from collections import Counter
from datetime import datetime
from functools import partial

from django.conf import settings

from cdp_project.kernel.outcome import Quarantine
from events.pipeline import Chunk
from events.reasons import TOO_MANY_CLIENT_MPIDS
from identity.keys import PersonKey
from identity.matching import Ask, Decisions


class MinuteCounts:
    """How many were made in this minute, by input."""

    def __init__(self) -> None:
        self._minute = 0
        self._made: Counter[int] = Counter()

    def made(self, input_id: int, now: datetime) -> int:
        """Those of the minute of `now` that stand."""
        return self._made[input_id] if self._minute == _minute(now) else 0

    def add(self, made: Counter[int], now: datetime) -> None:
        """Call once they are committed."""
        if self._minute != _minute(now):
            self._minute, self._made = _minute(now), Counter()
        self._made.update(made)


def _minute(now: datetime) -> int:
    return int(now.timestamp() // 60)


counts = MinuteCounts()
"""The process's own."""


def refuse_surplus(chunk: Chunk, asks: list[Ask], decisions: Decisions) -> None:
    """Quarantine batches that would make a person too many for their input, with all others of that person."""
    made: Counter[int] = Counter()
    refused: set[PersonKey] = set()
    for place, (each, decision) in enumerate(zip(asks, decisions, strict=True)):
        if decision is None:
            continue
        input_id, person = each.context.accepted.input_id, each.person(decision.mpid)
        if decision.is_new and each.named is not None:
            if counts.made(input_id, chunk.now) + made[input_id] >= settings.CDP_CLIENT_MPIDS_PER_MINUTE:
                refused.add(person)
            else:
                made[input_id] += 1
        if person in refused:
            each.context.outcome = Quarantine(TOO_MANY_CLIENT_MPIDS)
            decisions[place] = None
    if made:
        chunk.after_commit.append(partial(counts.add, made, chunk.now))
