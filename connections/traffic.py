"""What one process sends to one output: how much is on the way, and what keeps more from going out. Pure."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from connections.breaker import Breaker
from connections.pace import Pace

# Of requests that succeed at once only a sample is kept, so that there is always one to look at.
SAMPLE_EVERY = timedelta(minutes=1)


@dataclass(slots=True)
class Traffic:
    """Of one output in one process."""

    breaker: Breaker
    pace: Pace
    on_the_way: int = 0
    _sampled_at: datetime | None = None

    def may_send(self, most: int, per_second: float | None, now: datetime) -> bool:
        """Whether one more request may go out, with so many at once and so many a second at most."""
        return self.on_the_way < most and self.breaker.may_send(now) and self.pace.may_send(per_second, now)

    def wait_s(self, per_second: float | None, now: datetime) -> float:
        """Seconds until `may_send` may say otherwise by time alone; 0 when no time is known.

        A pause has its own time: while it lasts, what the pace would allow is of no use.
        """
        paused_until = self.breaker.paused_until
        if paused_until is None:
            return self.pace.wait_s(per_second)
        return max(0.0, (paused_until - now).total_seconds())

    def sent(self) -> None:
        """A parcel goes out."""
        self.on_the_way += 1
        self.breaker.sent()

    def ended(self) -> None:
        """A parcel is not on the way any more."""
        self.on_the_way -= 1

    def wants_sample(self, now: datetime) -> bool:
        """Whether a success is to be kept for people to look at; said once a minute."""
        if self._sampled_at is not None and now - self._sampled_at < SAMPLE_EVERY:
            return False
        self._sampled_at = now
        return True
