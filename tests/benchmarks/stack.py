"""The product's own processes for a while, with the command lines of `make up`: what every cell runs on."""

import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import psutil

from cdp_project.embedded import product
from cdp_project.embedded.ports import LOOPBACK, listen
from cdp_project.embedded.probe import is_up
from cdp_project.embedded.program import Program
from cdp_project.kernel.database import connect
from tests.benchmarks.cpu import LOAD, Spent, family_cpu_seconds
from tests.benchmarks.preload import Preload
from tests.benchmarks.receiving import Sink
from tests.benchmarks.size import Size
from tests.product import eventually

READY_MARK = "worker started"
START_S, STOP_S = 60.0, 40.0
# Processes of one kind count each other once a second.
SETTLE_S = 2.5
WEB = "web"


# Where the system has it: processes end also when we are killed.
WITH_US = ("setpriv", "--pdeathsig", "TERM", "--") if shutil.which("setpriv") else ()


@dataclass
class Running:
    """Processes that run, by name and place; all web processes share the port."""

    port: int
    processes: dict[str, "subprocess.Popen[bytes]"] = field(default_factory=dict)
    postgres: int = 0

    def spent(self) -> Spent:
        """CPU seconds so far."""
        found = {LOAD: time.process_time(), "postgres": family_cpu_seconds(self.postgres)}
        for key, process in self.processes.items():
            kind = key.split("/")[0].split("-")[0]
            found[kind] = found.get(kind, 0.0) + family_cpu_seconds(process.pid)
        return Spent(found)


class Stack:
    """What cells are given: how much to measure, a receiver, and a way to have processes running."""

    def __init__(self, size: Size, sink: Sink, folder: Path, prototype: Path | None = None) -> None:
        self.size, self.sink, self.prototype = size, sink, prototype
        self.folder, self.preload = folder, Preload(size)
        self.postgres = postmaster()

    @contextmanager
    def running(self, *names: str, **environment: str) -> Iterator[Running]:
        """These processes, ready; names as `make up` has them, "pipeline" twice for two. They end with the block."""
        with listen(LOOPBACK, 0) as door:
            port = door.getsockname()[1]
            site = product.Site(LOOPBACK, port, door.fileno(), self.sink.port, self.folder)
            found = Running(port, postgres=self.postgres)
            try:
                for place, name in enumerate(names):
                    found.processes[f"{name}/{place}"] = self._start(programs(site)[name], environment)
                for key, process in found.processes.items():
                    with only(process, found):
                        self._await(key, process, port)
                yield found
            finally:
                stop(list(found.processes.values()))

    def _start(self, program: Program, environment: Mapping[str, str]) -> "subprocess.Popen[bytes]":
        with tempfile.NamedTemporaryFile(dir=self.folder, delete=False) as log:
            process = subprocess.Popen(
                (*WITH_US, *program.argv),
                cwd=program.cwd,
                env={**program.env, **environment},
                pass_fds=program.shares,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
            )
        Path(log.name).rename(self._log(process.pid))
        return process

    def _log(self, pid: int) -> Path:
        return self.folder / f"process-{pid}.log"

    def _await(self, key: str, process: "subprocess.Popen[bytes]", port: int) -> None:
        def look() -> str:
            if process.poll() is not None:
                return "ended"
            return "ready" if self._is_ready(process.pid, key, port) else "starting"

        state = eventually(look, lambda seen: seen != "starting", START_S)
        assert state == "ready", f"{key} ended: {self._log(process.pid).read_text(errors='replace')[-2000:]}"

    def _is_ready(self, pid: int, key: str, port: int) -> bool:
        if key.startswith(WEB):
            return is_up(LOOPBACK, port, pid)
        return READY_MARK in self._log(pid).read_text(errors="replace")


def postmaster() -> int:
    """PostgreSQL's first process: the parent of whoever serves us."""
    with connect(name="bench") as connection:
        return psutil.Process(connection.info.backend_pid).ppid()


def programs(site: product.Site) -> dict[str, Program]:
    """All that `make up` would run besides the servers, by name."""
    env = product.environment(site, {})
    return {each.name: each for each in (*product.first_programs(site, env), *product.other_programs(site, env))}


@contextmanager
def only(process: "subprocess.Popen[bytes]", among: Running) -> Iterator[None]:
    """For the block, of all web processes just this one answers: else one would answer for another."""
    others = [each for key, each in among.processes.items() if key.startswith(WEB) and each is not process]
    for other in others:
        other.send_signal(signal.SIGSTOP)
    try:
        yield
    finally:
        for other in others:
            other.send_signal(signal.SIGCONT)


def stop(processes: "list[subprocess.Popen[bytes]]") -> None:
    """Politely, all at once; then firmly."""
    for process in processes:
        if process.poll() is None:
            process.send_signal(signal.SIGTERM)
    for process in processes:
        try:
            process.wait(STOP_S)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def settle(seconds: float) -> None:
    """Give processes time for what they do by the clock."""
    time.sleep(seconds)
