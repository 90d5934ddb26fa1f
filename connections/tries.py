"""Tries of one process, added up between two turns of its loop: a metric is told once a turn, not once a request."""

from collections import Counter
from datetime import datetime

from cdp_project.kernel import clock
from connections.measures import ATTEMPTS, FIRST_ATTEMPT_SECONDS
from directory.contracts import Delivered, Delivery, RetryLater

NONE_YET = 1 << 62


class Tries:
    """What began and ended since it was handed over last."""

    def __init__(self) -> None:
        self._ended: Counter[tuple[int, str]] = Counter()
        self._oldest_ms = NONE_YET

    def began(self, received_at_ms: int) -> None:
        """The first try of something that was received then."""
        self._oldest_ms = min(self._oldest_ms, received_at_ms)

    def ended(self, output_id: int, delivery: Delivery) -> None:
        """A try that came to this."""
        self._ended[output_id, outcome_of(delivery)] += 1

    def hand_over(self, now: datetime) -> None:
        """Tell the metrics."""
        for (output_id, outcome), count in self._ended.items():
            ATTEMPTS.add(count, output_id, outcome)
        self._ended.clear()
        if self._oldest_ms != NONE_YET:
            FIRST_ATTEMPT_SECONDS.observe(max(0.0, (clock.milliseconds(now) - self._oldest_ms) / 1000))
            self._oldest_ms = NONE_YET


def outcome_of(delivery: Delivery) -> str:
    """delivered, retry or rejected."""
    if isinstance(delivery, Delivered):
        return "delivered"
    return "retry" if isinstance(delivery, RetryLater) else "rejected"
