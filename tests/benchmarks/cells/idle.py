"""All of `make up` with nothing to do: processor time and memory of every process, PostgreSQL and Valkey included."""

import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

from tests.benchmarks.cell import Cell, Figure, NoFigure
from tests.benchmarks.cpu import cpu_seconds, pss_bytes
from tests.benchmarks.stack import Stack, settle
from tests.benchmarks.targets import ROWS
from tests.product import Product

CALM_S, SECONDS = 20.0, 60.0
MB = 1_000_000
KINDS = ("postgres", "valkey", "uvicorn", "run_pipeline", "run_deliveries", "worker", "beat", "sink")


def run(stack: Stack) -> Iterator[Figure]:
    with tempfile.TemporaryDirectory(prefix="tributary-") as folder:
        Path(folder).chmod(0o711)
        product = Product(Path(folder))
        product.start()
        try:
            settle(stack.size.seconds(CALM_S))
            yield from measured(product, stack.size.seconds(SECONDS))
        finally:
            product.stop()


def measured(product: Product, seconds: float) -> Iterator[Figure]:
    """Over so long; a process that ended meanwhile has a figure no more."""
    promised = ROWS["idle"].numbers
    family, began = product.family(), time.perf_counter()
    before = {pid: cpu_seconds(pid) for pid in family}
    settle(seconds)
    spent = sum(cpu_seconds(pid) - each for pid, each in before.items())
    share = spent / (time.perf_counter() - began) * 100
    memory = {pid: pss_bytes(pid) for pid in product.family()}
    if not all(memory.values()):
        raise NoFigure("the memory of some process cannot be read")
    yield Figure("processor", share, "% of a core", promised["cpu"], note=f"{len(memory)} processes")
    yield Figure("memory (PSS)", sum(memory.values()) / MB, "MB", promised["memory"], note=by_kind(memory))


def by_kind(memory: dict[int, int]) -> str:
    """Megabytes by what the processes are."""
    found: Counter[str] = Counter()
    for pid, size in memory.items():
        found[kind_of(pid)] += size
    return ", ".join(f"{kind} {size / MB:.0f}" for kind, size in found.most_common())


def kind_of(pid: int) -> str:
    """By a word of its command line."""
    words = Path(f"/proc/{pid}/cmdline").read_text(encoding="utf-8", errors="replace").replace("\0", " ")
    return next((kind for kind in KINDS if kind in words), "supervisor")


CELL = Cell(
    "idle",
    "all processes of `make up` with nothing to do",
    "% of a core, MB",
    run,
    rows=("idle",),
    order=6,
    rounds_most=1,
)
