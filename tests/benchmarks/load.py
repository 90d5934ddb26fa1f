"""What a load found: latencies of the wanted answers, and the others; percentiles of them."""

import gc
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from tests.benchmarks.cell import NoFigure

ANSWERED_WITHIN_S = 30.0
LOST = 0
"""The status of a request whose connection ended without an answer."""


@dataclass
class Load:
    """What came back: latencies of answers with the wanted status in seconds, others by status."""

    wanted: int = 202
    seconds: float = 0.0
    latencies: list[float] = field(default_factory=list)
    others: Counter[int] = field(default_factory=Counter)

    def note(self, status: int, latency: float) -> None:
        """Count one answer."""
        if status == self.wanted:
            self.latencies.append(latency)
        else:
            self.others[status] += 1

    @property
    def per_second(self) -> float:
        return len(self.latencies) / self.seconds

    def percentile_ms(self, share: float) -> float:
        """Latency that this share of the requests did not exceed."""
        return percentile(sorted(self.latencies), share) * 1000

    def check(self) -> "Load":
        """Itself; raises NoFigure when an answer was another than wanted, or did not come."""
        if self.others or not self.latencies:
            raise NoFigure(f"answers {dict(self.others)} besides {len(self.latencies)} good ones")
        return self


def percentile(ordered: list[float], share: float) -> float:
    """Of sorted values; 0 when there are none."""
    return ordered[min(int(len(ordered) * share), len(ordered) - 1)] if ordered else 0.0


@contextmanager
def undisturbed() -> Iterator[None]:
    """No search for reference cycles meanwhile: its pauses would be latencies."""
    gc.disable()
    try:
        yield
    finally:
        gc.enable()
