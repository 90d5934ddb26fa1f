"""Medians over rounds, as one table with the targets beside them, and as JSON."""

import dataclasses
import json
import statistics
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from tests.benchmarks.cell import Figure
from tests.benchmarks.cpu import Spent
from tests.benchmarks.rounds import Measured
from tests.benchmarks.targets import ROWS, Target

WIDTHS = (48, 12, 10, 9, 7, 8, 9)
HEADS = ("", "median", "unit", "target", "ratio", "spread", "CPU-s/k")


@dataclass(frozen=True, slots=True)
class Line:
    """One figure over all rounds; `spread` is (largest - smallest) / median. Without a median `note` says why."""

    name: str
    unit: str
    median: float | None
    spread: float | None
    target: Target | None
    cpu_s: float | None
    cpu_by_kind: dict[str, float]
    values: list[float]
    note: str

    @property
    def ratio(self) -> float | None:
        """How well the target is reached; 1 and more: it is."""
        return None if self.target is None or self.median is None else self.target.ratio(self.median)


def lines_of(measured: Measured) -> list[Line]:
    """A round without a figure leaves none: what is missing is not to be a median's luck."""
    by_name: dict[str, list[Figure]] = {}
    for figures in measured.rounds:
        for figure in figures:
            by_name.setdefault(figure.name, []).append(figure)
    return [_line(figures, len(measured.rounds)) for figures in by_name.values()]


def _line(figures: list[Figure], rounds: int) -> Line:
    values = [figure.value for figure in figures if figure.value is not None]
    last, spent = figures[-1], [figure.cpu for figure in figures if figure.cpu is not None]
    missing = next((figure.note for figure in figures if figure.value is None), "")
    if not missing and len(values) < rounds:
        missing = f"no figure: missing in {rounds - len(values)} of {rounds} rounds"
    middle = None if missing else statistics.median(values)
    spread = (max(values) - min(values)) / middle if middle and len(values) > 1 else None
    target = next((figure.target for figure in figures if figure.target), None)
    cpu_s = statistics.median(each.total for each in spent) if spent else None
    kinds = spent[0].by_kind if spent else ()
    by_kind = {kind: statistics.median(each.by_kind.get(kind, 0.0) for each in spent) for kind in kinds}
    return Line(last.name, last.unit, middle, spread, target, cpu_s, by_kind, values, missing or last.note)


def table(found: Sequence[Measured]) -> str:
    """What is printed."""
    parts = [_row(HEADS)]
    for measured in found:
        parts += ["", f"{measured.cell.key}: {measured.cell.measures} [{measured.cell.target}]"]
        parts += [f"{_row(_columns(line))}  {_remark(line)}".rstrip() for line in lines_of(measured)]
        parts += [f"  BROKEN: {text.strip().splitlines()[-1]}" for text in measured.failed]
        parts.append(f"  {_noise(measured)}")
    parts += ["", *(f"no figure: {row.what} [{row.text}]: waits for {row.waits_for}" for row in _unbuilt())]
    return "\n".join(parts)


def _remark(line: Line) -> str:
    """The note, and where the CPU seconds went."""
    return "; ".join(filter(None, [line.note, f"CPU: {Spent(line.cpu_by_kind)}" if line.cpu_by_kind else ""]))


def _unbuilt() -> list[Any]:
    return [row for row in ROWS.values() if row.waits_for]


def _columns(line: Line) -> tuple[str, ...]:
    return (
        f"  {line.name}",
        "-" if line.median is None else number(line.median),
        line.unit,
        "" if line.target is None else str(line.target),
        "" if line.ratio is None else f"{line.ratio:.2f}",
        "" if line.spread is None else f"{line.spread:.0%}",
        "" if line.cpu_s is None else f"{line.cpu_s:.3f}",
    )


def number(value: float) -> str:
    """With as many digits as tell something."""
    return f"{value:,.0f}" if abs(value) >= 100 else f"{value:,.3g}"


def _row(columns: Iterable[str]) -> str:
    first, *rest = zip(columns, WIDTHS, strict=True)
    return f"{first[0]:{first[1]}}" + "".join(f" {text:>{width}}" for text, width in rest)


def _noise(measured: Measured) -> str:
    noises = measured.noises
    if not noises:
        return "not run"
    return (
        f"noise by round: load before {_each(f'{noise.load_before:.1f}' for noise in noises)}; "
        f"stolen {_each(f'{noise.stolen_share:.0%}' for noise in noises)}; "
        f"others {_each(f'{noise.others_share:.0%}' for noise in noises)}; fixed work "
        f"{_each(f'{noise.calibration_ms:.1f} ms ±{noise.calibration_spread:.0%}' for noise in noises)}"
    )


def _each(texts: Iterable[str]) -> str:
    return ", ".join(texts)


def is_whole(found: Sequence[Measured]) -> bool:
    """Every cell ran and has all of its figures."""
    return not any(measured.failed or any(line.median is None for line in lines_of(measured)) for measured in found)


def as_json(found: Sequence[Measured], about: dict[str, Any]) -> str:
    """Everything: about the run, and each cell's figures with their values by round and the noise around them."""
    cells = [
        {
            "key": measured.cell.key,
            "measures": measured.cell.measures,
            "target": measured.cell.target,
            "figures": [{**dataclasses.asdict(line), "ratio": line.ratio} for line in lines_of(measured)],
            "noise": [dataclasses.asdict(noise) for noise in measured.noises],
            "seconds": measured.seconds,
            "failed": measured.failed,
        }
        for measured in found
    ]
    return json.dumps({"about": about, "cells": cells}, indent=1)
