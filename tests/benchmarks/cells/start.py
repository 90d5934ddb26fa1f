"""From `make up` to the first event that can be stored: on an empty folder, and again on the same."""

import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

from tests.benchmarks.cell import Cell, Figure
from tests.benchmarks.stack import Stack
from tests.benchmarks.targets import ROWS
from tests.product import Product


def run(_stack: Stack) -> Iterator[Figure]:
    promised = ROWS["start"].numbers
    with tempfile.TemporaryDirectory(prefix="tributary-") as folder:
        Path(folder).chmod(0o711)
        product = Product(Path(folder))
        yield Figure("first start", started(product), "s", promised["first"])
        yield Figure("second start", started(product), "s", promised["again"])


def started(product: Product) -> float:
    """Seconds until it says that it runs and is ready; it is stopped again."""
    began = time.perf_counter()
    product.start()
    seconds = time.perf_counter() - began
    product.stop()
    return seconds


CELL = Cell("start", "`make up` until an event can be stored, all installed", "s", run, rows=("start",), order=5)
