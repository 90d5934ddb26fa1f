"""Stops hammering an output that takes nothing from anybody: one probe at a time until one gets through. Pure."""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from cdp_project.kernel.backoff import delay_seconds

# One event that the partner always chokes on is its own person's trouble; so many different people in a row,
# without one success between, are the partner's.
PEOPLE_IN_A_ROW = 20
PAUSE_FIRST_S, PAUSE_MOST_S = 1.0, 60.0


@dataclass(slots=True)
class Breaker:
    """Of one output in one process. `paused_until` None means: everything may go out.

    Requests that were on the way when it opened make no pause longer when they fail.
    """

    draw: Callable[[], float]
    paused_until: datetime | None = None
    _failed: set[int] = field(default_factory=set)
    _openings: int = 0
    _is_probing: bool = False

    @property
    def is_open(self) -> bool:
        """Whether only a probe may go out."""
        return self.paused_until is not None

    def may_send(self, now: datetime) -> bool:
        """Whether a request may go out: when open only a probe, one at a time, after each pause."""
        if self.paused_until is None:
            return True
        return now >= self.paused_until and not self._is_probing

    def sent(self) -> None:
        """A request goes out."""
        self._is_probing = self.is_open

    def not_sent(self) -> None:
        """What was to go out made no request: it tells nothing about the partner."""
        self._is_probing = False

    def answered(self) -> None:
        """The partner took or refused something for good: it is there."""
        self._failed.clear()
        self.paused_until = None
        self._openings = 0
        self._is_probing = False

    def failed(self, mpid: int, now: datetime, after_s: float | None = None) -> bool:
        """A request of this person is to be tried later; True when that opens the breaker.

        `after_s` is for how long the partner asked to be left alone; a pause has its own bound.
        """
        was_open = self.is_open
        self._failed.add(mpid)
        if not was_open and len(self._failed) < PEOPLE_IN_A_ROW:
            return False
        if was_open and not self._is_probing:
            return False
        self._openings += 1
        self._is_probing = False
        pause_s = delay_seconds(self._openings, first=PAUSE_FIRST_S, most=PAUSE_MOST_S, draw=self.draw)
        self.paused_until = now + timedelta(seconds=max(pause_s, min(after_s or 0.0, PAUSE_MOST_S)))
        return not was_open
