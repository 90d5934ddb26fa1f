"""What the product is to reach on two cores: the rows of the design's table of targets, as numbers."""

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Target:
    """A number to reach: at least so much, or (`is_most`) at most so much."""

    value: float
    is_most: bool = False

    def ratio(self, measured: float) -> float:
        """How well it is reached: 1 is just so, more is better."""
        better, worse = (self.value, measured) if self.is_most else (measured, self.value)
        return better / worse if worse else float("inf")

    def __str__(self) -> str:
        return f"{'≤' if self.is_most else '≥'} {self.value:,.10g}"


def least(value: float) -> Target:
    """At least so much."""
    return Target(value)


def most(value: float) -> Target:
    """At most so much."""
    return Target(value, is_most=True)


@dataclass(frozen=True, slots=True)
class Row:
    """One row of the table. `waits_for` names the part of the product that it is about and that does not exist yet."""

    what: str
    text: str
    numbers: Mapping[str, Target] = field(default_factory=dict)
    waits_for: str = ""


ROWS = {
    "accepted": Row(
        "accepted, durable, 1 event a request, 64 connections (fast lane)",
        "15,000/s, p50 < 5 ms, p99 < 15 ms",
        {"rate": least(15_000), "p50": most(5), "p99": most(15)},
    ),
    "accepted_100": Row("accepted in 100-event batches", "250,000 events/s", {"rate": least(250_000)}),
    "django_path": Row("the DRF path of the same endpoint", "1,000/s a process", {"rate": least(1_000)}),
    "processed": Row(
        "fully processed, one / two pipeline processes, 1-event requests",
        "12,000 / 20,000 events/s",
        {"1": least(12_000), "2": least(20_000)},
    ),
    "processed_20": Row(
        "the same, 20-event requests", "40,000 / 60,000 events/s", {"1": least(40_000), "2": least(60_000)}
    ),
    "end_to_end": Row(
        "end to end with one webhook per event",
        "7,000 events/s (1-event), 20,000 (20-event)",
        {"1": least(7_000), "20": least(20_000)},
    ),
    "latency": Row(
        "request → webhook received at 5,000 events/s", "p50 < 20 ms, p99 < 60 ms", {"p50": most(20), "p99": most(60)}
    ),
    "dashboard": Row("dashboard query, 31 days of 10 M events", "p95 < 50 ms", {"p95": most(50)}),
    "estimate": Row(
        "audience estimate on 10 M events", "< 1 s first, < 50 ms from the bitmap engine", waits_for="audiences"
    ),
    "audience_entry": Row(
        "audience entry visible after acknowledge", "< 1 s p95; lapse by time within 60 s", waits_for="audiences"
    ),
    "profile_read": Row("profile read", "p99 < 30 ms at 200/s with 1 M profiles", {"p99": most(30)}),
    "idle": Row(
        "idle", "≤ 2 % of a core, ≤ 600 MB (sum of PSS) for all processes", {"cpu": most(2), "memory": most(600)}
    ),
    "start": Row("first start / restart", "< 10 s after install / < 3 s", {"first": most(10), "again": most(3)}),
}
