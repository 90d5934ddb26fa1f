"""The clock of a drain: from when everything waits to when everything is stored."""

import time
from dataclasses import dataclass, field

from cdp_project.kernel.database import connect
from events.models import Input
from tests.benchmarks import counting
from tests.benchmarks.bodies import Bodies
from tests.benchmarks.cell import NoFigure
from tests.benchmarks.cpu import Spent
from tests.benchmarks.inbox_fill import fill
from tests.benchmarks.stack import Running

LOOK_EVERY_S = 0.02
NOTHING_FOR_S = 60.0
# It takes milliseconds.
CPU_EVERY_S = 0.5


@dataclass
class Drain:
    """One drain. `marks` are seconds since its begin with the events stored by then, `spent` the same with CPU time."""

    events: int
    seconds: float = 0.0
    cpu: Spent | None = None
    marks: list[tuple[float, int]] = field(default_factory=list)
    spent: list[tuple[Spent, int]] = field(default_factory=list)

    @property
    def per_second(self) -> float:
        return self.events / self.seconds


def drain(running: Running, source: Input, bodies: Bodies, batches: int) -> Drain:
    """Fill, and wait until it is stored; raises NoFigure when an event is missing at the end."""
    before = counting.stored(source)
    fill(source, bodies, batches)
    found = Drain(batches * bodies.events)
    _watch(found, running, source, before)
    found.cpu = found.spent[-1][0].since(found.spent[0][0], per=found.events / 1000)
    missing = before + found.events - counting.stored(source)
    if missing:
        raise NoFigure(f"{missing:,} of {found.events:,} events are not stored")
    return found


def _watch(found: Drain, running: Running, source: Input, before: int) -> None:
    began = moved = looked = time.perf_counter()
    found.spent.append((running.spent(), 0))
    with connect(autocommit=True, name="bench") as connection:
        while not found.marks or found.marks[-1][1] < found.events:
            time.sleep(LOOK_EVERY_S)
            done, now = counting.counted(connection, source) - before, time.perf_counter()
            if found.marks and done > found.marks[-1][1]:
                moved = now
            found.marks.append((now - began, done))
            if now - looked > CPU_EVERY_S:
                found.spent.append((running.spent(), done))
                looked = now
            if now - moved > NOTHING_FOR_S:
                raise NoFigure(f"nothing moved for {NOTHING_FOR_S:.0f} s at {done:,} of {found.events:,} events")
    found.seconds = found.marks[-1][0]
    found.spent.append((running.spent(), found.events))
