"""What a benchmark is: a file in `cells/` that defines CELL, found by looking. Adding one is adding a file."""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

from cdp_project.kernel.registry import Registry
from tests.benchmarks.cpu import Spent
from tests.benchmarks.targets import ROWS, Target

if TYPE_CHECKING:
    from tests.benchmarks.stack import Stack

ROUNDS_ANY = 1000


class NoFigure(Exception):
    """Something is missing, so that what was measured is no figure; the text says what."""


@dataclass(frozen=True, slots=True)
class Figure:
    """One number of one round; `value` is None where there is none, and `note` then says why.

    `cpu` are CPU seconds for 1,000 events (or reads): they move less with the neighbours than the clock on the wall.
    """

    name: str
    value: float | None
    unit: str
    target: Target | None = None
    cpu: Spent | None = None
    note: str = ""


@dataclass(frozen=True, slots=True)
class Cell:
    """One benchmark. `rows` are those of the design's table that it measures; `aim` is what it is held to besides.

    `run` yields figures under the same names in each round. Cells run in the order of `order`: those that need much
    in the database come late, so that the others do not meet it.
    """

    key: str
    measures: str
    unit: str
    run: Callable[["Stack"], Iterable[Figure]]
    rows: tuple[str, ...] = ()
    aim: str = ""
    order: int = 0
    rounds_most: int = ROUNDS_ANY

    @property
    def target(self) -> str:
        """What the figures are held to, in words."""
        return "; ".join([*(ROWS[row].text for row in self.rows), *filter(None, [self.aim])])


def or_why(name: str, unit: str, measure: Callable[[], Iterable[Figure]]) -> Iterator[Figure]:
    """The figures of `measure`; where something is missing, one without a value that says what."""
    try:
        yield from list(measure())
    except NoFigure as why:
        yield Figure(name, None, unit, note=f"no figure: {why}")


CELLS: Registry[Cell] = Registry("tests.benchmarks.cells", "CELL")
