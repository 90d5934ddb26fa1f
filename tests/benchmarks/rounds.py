"""Run cells in interleaved rounds and keep what they showed: all of them once, then all again."""

import os
import time
import traceback
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from tests.benchmarks.cell import Cell, Figure
from tests.benchmarks.machine import Listening, Noise
from tests.benchmarks.stack import Stack


@dataclass
class Measured:
    """One cell over its rounds. `failed` holds what broke it, by round."""

    cell: Cell
    rounds: list[list[Figure]] = field(default_factory=list)
    noises: list[Noise] = field(default_factory=list)
    seconds: list[float] = field(default_factory=list)
    failed: list[str] = field(default_factory=list)


def run_rounds(stack: Stack, found: Sequence[Measured], say: Callable[[str], None]) -> None:
    """One round after the other, each in the order of `found`; what was measured stands in it at any moment."""
    for number in range(1, stack.size.rounds + 1):
        for measured in found:
            if number <= measured.cell.rounds_most:
                run_one(stack, measured)
                say(f"round {number}  {measured.cell.key:20} {measured.seconds[-1]:6.1f} s")


def run_one(stack: Stack, measured: Measured) -> None:
    """One round of a cell. A cell that breaks has no figures in this round; the others have their turn."""
    began, listening = time.perf_counter(), Listening(os.getppid())
    try:
        measured.rounds.append(list(measured.cell.run(stack)))
    except Exception:  # noqa: BLE001 - it is shown, and the exit code tells
        measured.failed.append(traceback.format_exc())
    measured.noises.append(listening.noise())
    measured.seconds.append(time.perf_counter() - began)
