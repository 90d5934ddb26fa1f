"""When a delivery loop looks which lanes have work: for a hint at once, for many hints now and then. Pure.

`at` is a monotonic time in seconds.
"""

from dataclasses import dataclass

# Hints come sooner; this is how long a lost one may delay.
EVERY_S = 0.5
# However many hints come, so much time lies between two looks, and so many times that which the last one took: a look
# goes over all lanes, and the loop has more to do.
HINTED_EVERY_S, TIMES_ITS_LENGTH = 0.01, 4.0


@dataclass(slots=True)
class Looks:
    """Of one loop."""

    _is_hinted: bool = True
    _began_at: float = float("-inf")
    _ended_at: float = float("-inf")

    def hint(self) -> None:
        """There may be work. Safe from any thread."""
        self._is_hinted = True

    def demand(self) -> None:
        """The next look is due at once."""
        self._began_at = self._ended_at = float("-inf")

    def wait_s(self, at: float) -> float:
        """Seconds until the next look is due."""
        return max(0.0, self._ended_at + (self._pause_s if self._is_hinted else EVERY_S) - at)

    @property
    def _pause_s(self) -> float:
        if self._ended_at == float("-inf"):
            return 0.0
        return min(EVERY_S, max(HINTED_EVERY_S, TIMES_ITS_LENGTH * (self._ended_at - self._began_at)))

    def begin(self, at: float) -> None:
        """A look begins; hints from now on mean another one."""
        self._is_hinted = False
        self._began_at = at

    def end(self, at: float) -> None:
        """The look has ended."""
        self._ended_at = at
