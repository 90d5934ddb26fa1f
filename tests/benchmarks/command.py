"""What `make bench` runs: options, the run, the table, the file.

Counts are read back; what has one missing event has no figure. The exit code is 1 when something has none.
"""

import argparse
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterable
from pathlib import Path
from types import FrameType
from typing import Any, NoReturn

from tests.benchmarks import report
from tests.benchmarks.cell import CELLS, Cell
from tests.benchmarks.receiving import sink
from tests.benchmarks.rounds import Measured, run_rounds
from tests.benchmarks.size import ROUNDS, Size, quick
from tests.benchmarks.stack import Stack
from tests.product import CHECKOUT
from tests.services import ARTEFACTS


def main() -> int:
    """The exit code."""
    options = parser().parse_args()
    signal.signal(signal.SIGTERM, end)
    if options.list:
        for cell in in_order(CELLS.values()):
            print(f"{cell.key:20} {cell.measures} [{cell.target}]")
        return 0
    keys = options.only or list(CELLS)
    unknown = [key for key in keys if key not in CELLS]
    if unknown:
        sys.stderr.write(f"There is no benchmark {unknown[0]!r}; these there are: {', '.join(CELLS)}\n")
        return 2
    return measure(keys, options)


def measure(keys: list[str], options: argparse.Namespace) -> int:
    """Run, print, write; what a run that is broken off has found, too."""
    began, size = time.time(), size_of(options)
    subprocess.check_call([sys.executable, "manage.py", "migrate", "--verbosity", "0"], cwd=CHECKOUT)
    found = [Measured(cell) for cell in in_order(CELLS[key] for key in keys)]
    try:
        with sink() as receiver:
            stack = Stack(size, receiver, Path(os.environ["TRIBUTARY_VAR"]), options.prototype)
            run_rounds(stack, found, lambda text: print(text, flush=True))
    finally:
        print(f"\n{report.table(found)}", flush=True)
        file = options.json or ARTEFACTS / "bench" / f"{time.strftime('%Y%m%d-%H%M%S', time.gmtime(began))}.json"
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(report.as_json(found, about(began, size)), encoding="utf-8")
        print(f"\n{time.time() - began:.0f} s; written to {file}", flush=True)
    return 0 if report.is_whole(found) else 1


def in_order(cells: Iterable[Cell]) -> list[Cell]:
    """As they are run."""
    return sorted(cells, key=lambda cell: cell.order)


def about(began: float, size: Size) -> dict[str, Any]:
    """The run in a few words."""
    return {
        "began": began,
        "seconds": time.time() - began,
        "rounds": size.rounds,
        "pace": size.pace,
        "scale": size.scale,
        "cores": os.cpu_count(),
        "revision": revision(),
    }


def size_of(options: argparse.Namespace) -> Size:
    """What the options ask for."""
    base = quick() if options.quick else Size()
    return Size(
        options.rounds or base.rounds, base.pace if options.pace is None else options.pace, options.scale or base.scale
    )


def revision() -> str:
    """The commit that is measured."""
    asking = ["git", "describe", "--always", "--dirty"]
    return subprocess.run(asking, cwd=CHECKOUT, capture_output=True, text=True, check=False).stdout.strip()


def parser() -> argparse.ArgumentParser:
    made = argparse.ArgumentParser(prog="make bench ARGS=...", description=__doc__)
    made.add_argument("--only", type=lambda text: text.split(","), help="these benchmarks, with commas between")
    made.add_argument("--list", action="store_true", help="say which there are")
    made.add_argument("--quick", action="store_true", help="one short round with little data: to see that all works")
    made.add_argument("--rounds", type=int, help=f"how often everything is measured; {ROUNDS} unless quick")
    made.add_argument("--pace", type=float, help="what timed loads are stretched by")
    made.add_argument("--scale", type=float, help="what data that are there beforehand are multiplied by, e.g. 0.01")
    made.add_argument("--json", type=Path, help="where the figures go")
    made.add_argument("--prototype", type=Path, help="a consumer to compare the pipeline with in the same run")
    return made


def end(_number: int, _frame: FrameType | None) -> NoReturn:
    sys.exit(128 + signal.SIGTERM)
