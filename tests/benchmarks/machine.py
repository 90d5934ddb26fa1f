"""How noisy the machine was: load before, time stolen by the host, what others used, and a fixed piece of work."""

import os
import statistics
import time
from dataclasses import dataclass
from pathlib import Path

from tests.benchmarks.cpu import TICKS_A_SECOND, family_cpu_seconds

CALIBRATIONS, CALIBRATION_STEPS = 7, 200_000
# Columns of the first line of /proc/stat.
IDLE, WAITING, STOLEN = 3, 4, 7


@dataclass(frozen=True, slots=True)
class Noise:
    """Around one cell. Shares are of all cores; `calibration_spread` is (slowest - fastest) / median of the work."""

    load_before: float
    calibration_ms: float
    calibration_spread: float
    stolen_share: float = 0.0
    others_share: float = 0.0


def calibration() -> tuple[float, float]:
    """Median milliseconds of the work, and its spread."""
    took = [_work() * 1000 for _ in range(CALIBRATIONS)]
    middle = statistics.median(took)
    return middle, (max(took) - min(took)) / middle


def _work() -> float:
    began, total = time.perf_counter(), 0
    for step in range(CALIBRATION_STEPS):
        total += step * step
    return time.perf_counter() - began


class Listening:
    """From its making to `noise`. `root` is the process above all of ours, so that the rest is others'."""

    def __init__(self, root: int) -> None:
        self._root = root
        self._load = os.getloadavg()[0]
        self._calibration = calibration()
        self._began = self._look()

    def _look(self) -> tuple[list[int], float]:
        first = Path("/proc/stat").read_text(encoding="ascii").splitlines()[0]
        return [int(column) for column in first.split()[1:9]], family_cpu_seconds(self._root)

    def noise(self) -> Noise:
        """What was heard."""
        (before, own_before), (after, own_after) = self._began, self._look()
        spent = [(late - early) / TICKS_A_SECOND for early, late in zip(before, after, strict=True)]
        whole = sum(spent) or 1.0
        busy = whole - spent[IDLE] - spent[WAITING] - spent[STOLEN]
        others = max(0.0, busy - (own_after - own_before))
        return Noise(self._load, *self._calibration, spent[STOLEN] / whole, others / whole)
