"""The sink as the harness sees it: start it, ask what came, wait until everything has."""

import json
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import msgspec

from tests.benchmarks.cell import NoFigure
from tests.product import CHECKOUT, eventually


@dataclass(frozen=True, slots=True)
class Arrived:
    """What came to one path; latencies from stamp to arrival."""

    requests: int = 0
    events: int = 0
    p50_ms: float = 0.0
    p99_ms: float = 0.0


class Sink:
    """The process that receives."""

    def __init__(self, process: "subprocess.Popen[str]") -> None:
        self._process = process
        self.pid = process.pid
        self.port = int(self._line())

    def url(self, path: str) -> str:
        return f"http://127.0.0.1:{self.port}{path}"

    def forget(self) -> None:
        """Count from nothing."""
        self._ask("forget")

    def arrived(self, path: str, question: str = "tell") -> Arrived:
        """What has come to the path since then; to "count" leaves latencies out and costs little."""
        return msgspec.convert(self._ask(question).get(path, {}), Arrived)

    def await_events(self, path: str, wanted: int, within_s: float) -> Arrived:
        """When so many have come; raises NoFigure when they do not, or more than that."""
        try:
            found = eventually(lambda: self.arrived(path, "count"), lambda seen: seen.events >= wanted, within_s)
        except AssertionError:
            found = self.arrived(path, "count")
        if found.events != wanted:
            raise NoFigure(f"{found.events:,} of {wanted:,} events arrived at the webhook within {within_s:.0f} s")
        return self.arrived(path)

    def _ask(self, question: str) -> dict[str, dict[str, float]]:
        assert self._process.stdin is not None
        self._process.stdin.write(f"{question}\n")
        self._process.stdin.flush()
        answer: dict[str, dict[str, float]] = json.loads(self._line())
        return answer

    def _line(self) -> str:
        assert self._process.stdout is not None
        line: str = self._process.stdout.readline()
        return line


@contextmanager
def sink() -> Iterator[Sink]:
    """A running one, and gone afterwards."""
    command = [sys.executable, "-m", "tests.benchmarks.sink"]
    process = subprocess.Popen(command, cwd=CHECKOUT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    try:
        yield Sink(process)
    finally:
        assert process.stdin is not None
        process.stdin.close()
        process.wait(10)
