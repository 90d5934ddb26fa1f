"""How many requests a second an output may get: a bucket of tokens for each process. Pure."""

from dataclasses import dataclass
from datetime import datetime

# What was not used may be used later, up to so much of a second.
BURST_S = 0.25


@dataclass(slots=True)
class Pace:
    """Of one output in one process."""

    _tokens: float = 0.0
    _filled_at: datetime | None = None

    def may_send(self, per_second: float | None, now: datetime) -> bool:
        """Whether a request may go out now, at so many a second in this process (None: any number)."""
        if per_second is None:
            self._tokens, self._filled_at = 0.0, None
            return True
        most = max(1.0, per_second * BURST_S)
        # The first one finds the bucket full.
        passed_s = max((now - self._filled_at).total_seconds(), 0.0) if self._filled_at else most / per_second
        self._tokens = min(most, self._tokens + passed_s * per_second)
        self._filled_at = now
        return self._tokens >= 1.0

    def sent(self) -> None:
        """A request goes out; the later ones of a parcel are not kept waiting, and make the next parcel wait."""
        self._tokens -= 1.0

    def wait_s(self, per_second: float | None) -> float:
        """Seconds until the next one may go out."""
        return 0.0 if per_second is None else max(0.0, 1.0 - self._tokens) / per_second
