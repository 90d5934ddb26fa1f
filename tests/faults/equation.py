"""The equation of accounting (DESIGN promise 2), looked at from outside every second while things are killed.

accepted = inbox + stored + quarantined + dropped, and for each connection what was forwarded or withheld =
waiting + delivered + withheld + failed: by rows and by counters, which have to say the same at every moment.
"""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import psycopg

SCRIPT = Path(__file__).with_name("equation.sql").read_bytes()
EVERY_S = 1.0
BOTH_SIDES_KNOW = {"stored", "quarantined", "waiting", "delivered", "withheld", "failed"}


@dataclass(frozen=True)
class Known:
    """What is known outside at one moment: tries with a 202, tries begun, different ids that the sink answered."""

    acknowledged: int
    begun: int
    arrived: int


@dataclass(frozen=True)
class Line:
    """One quantity at one place; None where a side cannot know it."""

    place: str
    quantity: str
    by_rows: int | None
    by_counters: int | None

    @property
    def count(self) -> int:
        found = self.by_counters if self.by_rows is None else self.by_rows
        return found or 0

    @property
    def is_right(self) -> bool:
        if self.quantity in BOTH_SIDES_KNOW and self.by_rows != self.by_counters:
            return False
        return self.count == 0 if self.quantity == "stuck" else self.count >= 0


@dataclass(frozen=True)
class Look:
    """The books in one snapshot, with what was known before and after it."""

    lines: list[Line]
    before: Known
    after: Known

    def sum_of(self, *quantities: str) -> int:
        return sum(line.count for line in self.lines if line.quantity in quantities)

    @property
    def accepted(self) -> int:
        return self.sum_of("inbox", "stored", "quarantined", "dropped")

    @property
    def waiting(self) -> int:
        """Events that are not at an end yet."""
        return self.sum_of("inbox", "waiting")

    def faults(self) -> list[str]:
        """Where the equation does not hold, in words; empty when it does."""
        found = [f"{line.place}: {line.quantity}" for line in self.lines if not line.is_right]
        if not self.before.acknowledged <= self.accepted <= self.after.begun:
            found.append(f"accepted {self.accepted} is not within what the client knows")
        if self.sum_of("delivered") > self.after.arrived:
            found.append("more delivered than arrived")
        return found

    def table(self) -> str:
        """The numbers, for a person who has to find out."""
        rows = [
            f"{line.place:14} {line.quantity:12} {line.by_rows!s:>8} {line.by_counters!s:>8}" for line in self.lines
        ]
        return "\n".join([*self.faults(), str(self.before), str(self.after), *rows])


class Equation:
    """Looks at one database. `known` tells what client and sink know at the moment of the call."""

    def __init__(self, url: str, known: Callable[[], Known]) -> None:
        self._url = url
        self._known = known
        self._over = threading.Event()
        self.looks = self.outages = 0
        self.broken = ""

    def look(self) -> Look:
        """One snapshot. Raises psycopg.OperationalError while the database is away."""
        before = self._known()
        with psycopg.connect(self._url, connect_timeout=5) as connection:
            connection.isolation_level = psycopg.IsolationLevel.REPEATABLE_READ
            rows = connection.execute(SCRIPT).fetchall()
        return Look([Line(*row) for row in rows], before, self._known())

    def watch(self) -> None:
        """Look every second until `stop`, or until it does not hold."""
        while not self._over.wait(EVERY_S):
            try:
                look = self.look()
            except psycopg.OperationalError:
                self.outages += 1
                continue
            self.looks += 1
            if look.faults():
                self.broken = look.table()
                return

    def stop(self) -> None:
        self._over.set()


@contextmanager
def watched(url: str, known: Callable[[], Known]) -> Iterator[Equation]:
    """The equation is looked at during the block; fails with the numbers when it did not hold at any look."""
    equation = Equation(url, known)
    watcher = threading.Thread(target=equation.watch, daemon=True)
    watcher.start()
    try:
        yield equation
    finally:
        equation.stop()
        watcher.join(30)
    assert not equation.broken, equation.broken
