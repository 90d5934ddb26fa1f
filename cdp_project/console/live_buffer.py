"""What one open live page still has to be told. Pure: a slow page costs rows, never memory and never the counts."""

from collections import Counter, deque
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

ROWS_KEPT = 50
ROWS_SENT = 20
# Processes come and go while a page is open; more than this at once is no installation.
SENDERS_KEPT = 256


@dataclass(slots=True)
class LiveBuffer:
    """Frames since the last message to the page."""

    rows: deque[Mapping[str, Any]] = field(default_factory=lambda: deque(maxlen=ROWS_KEPT))
    counts: Counter[str] = field(default_factory=Counter)
    has_missed: bool = False
    _last_seq: dict[str, int] = field(default_factory=dict)

    def add(self, frame: Mapping[str, Any]) -> None:
        """A frame of `kernel.live`. A jump in its sender's sequence means that frames were lost on the way."""
        sender, seq = str(frame.get("sender", "")), int(frame["seq"])
        last = self._last_seq.get(sender)
        self.has_missed |= last is not None and seq != last + 1
        if len(self._last_seq) >= SENDERS_KEPT:
            self._last_seq.clear()
        self._last_seq[sender] = seq
        self.counts.update(frame["counts"])
        self.rows.extend(frame["sample"])

    def take(self) -> dict[str, Any] | None:
        """The message for the page: newest rows, true counts by kind; None when nothing happened."""
        if not self.rows and not self.has_missed:
            return None
        message = {
            "kind": "frame",
            "counts": dict(self.counts),
            "rows": list(self.rows)[-ROWS_SENT:],
            "has_missed": self.has_missed,
        }
        self.rows.clear()
        self.counts.clear()
        self.has_missed = False
        return message
