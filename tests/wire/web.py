"""A web process as `make up` starts it, on the test's database: its memory, and what it says over raw sockets."""

import json
import re
import socket
import subprocess
import threading
import time
import urllib.request
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, BinaryIO

from django.conf import settings

from cdp_project.embedded.product import Site, other_programs
from tests.faults.processes import environment
from tests.product import eventually

WITHIN_S = 30.0
END_WITHIN_S = 15
# What is promised while others misbehave.
HEALTH_WITHIN_S = 1.0
HEALTH_PAUSE_S = 0.05


@dataclass(frozen=True)
class Answer:
    """What came back; names of headers are in small letters."""

    status: int
    headers: Mapping[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body)


class Line:
    """One connection. Bytes are sent as they are."""

    def __init__(self, port: int) -> None:
        self.socket = socket.create_connection(("127.0.0.1", port), timeout=WITHIN_S)
        self._reader: BinaryIO = self.socket.makefile("rb")

    def send(self, *pieces: bytes) -> None:
        """Send what the server still takes: it may have refused and gone already."""
        for piece in pieces:
            try:
                self.socket.sendall(piece)
            except (BrokenPipeError, ConnectionResetError, TimeoutError):
                return

    def answer(self) -> Answer | None:
        """The next answer; None when the server has ended the connection instead."""
        try:
            head = self._reader.readline()
            if not head:
                return None
            headers = dict(self._fields())
            body = self._reader.read(int(headers.get("content-length", "0")))
        except ConnectionResetError:
            return None
        return Answer(int(head.split()[1]), headers, body)

    def _fields(self) -> Iterator[tuple[str, str]]:
        while line := self._reader.readline().strip().decode("latin-1"):
            name, _, value = line.partition(":")
            yield name.lower(), value.strip()

    def is_ended(self) -> bool:
        """The server ends the connection, and says nothing more before."""
        return self.answer() is None

    def close(self) -> None:
        self._reader.close()
        self.socket.close()


@dataclass
class Web:
    """The process. `lines` are closed at the end of the test that opened them."""

    process: "subprocess.Popen[bytes]"
    port: int
    log: Path
    lines: list[Line] = field(default_factory=list)

    def line(self) -> Line:
        self.lines.append(Line(self.port))
        return self.lines[-1]

    def ask(self, *pieces: bytes) -> Answer | None:
        """Send bytes over a connection of their own."""
        line = self.line()
        line.send(*pieces)
        answer = line.answer()
        line.close()
        return answer

    def memory_mb(self, which: str = "VmRSS") -> float:
        """What the process holds now, or held at most (VmHWM) since the last `forget_peak`."""
        status = Path(f"/proc/{self.process.pid}/status").read_text()
        found = re.search(rf"{which}:\s+(\d+) kB", status)
        assert found is not None
        return int(found[1]) / 1000

    def forget_peak(self) -> None:
        Path(f"/proc/{self.process.pid}/clear_refs").write_text("5")

    @contextmanager
    def bounded(self, more_mb: float) -> Iterator[None]:
        """Within the block the process stays healthy and takes at most so much more memory."""
        self.forget_peak()
        before = self.memory_mb()
        with self.healthy():
            yield
        assert self.memory_mb("VmHWM") - before < more_mb
        assert self.process.poll() is None

    @contextmanager
    def healthy(self) -> Iterator[None]:
        """Within the block /healthz answers in time, again and again."""
        over, seconds, faults = threading.Event(), [0.0], []

        def watch() -> None:
            while not over.wait(HEALTH_PAUSE_S):
                began = time.monotonic()
                try:
                    is_up(self.port)
                except OSError as fault:
                    faults.append(str(fault))
                seconds.append(time.monotonic() - began)

        watcher = threading.Thread(target=watch)
        watcher.start()
        try:
            yield
        finally:
            over.set()
            watcher.join()
        assert faults == []
        assert max(seconds) < HEALTH_WITHIN_S


def is_up(port: int) -> bool:
    """The process answers /healthz. Raises OSError."""
    with urllib.request.urlopen(f"http://127.0.0.1:{port}/healthz", timeout=WITHIN_S) as answer:
        return bool(answer.status == 200)


@contextmanager
def running_web(folder: Path, **more: str) -> Iterator[Web]:
    """Start it, wait until it answers, end it."""
    log = folder / "web.log"
    with socket.create_server(("127.0.0.1", 0), backlog=2048) as door, log.open("wb") as said:
        port = door.getsockname()[1]
        site = Site("127.0.0.1", port, door.fileno(), 0, settings.VAR_DIR)
        program = next(each for each in other_programs(site, environment(**more)) if each.name == "web-2")
        process = subprocess.Popen(
            program.argv, cwd=program.cwd, env=dict(program.env), pass_fds=program.shares, stderr=said
        )
        web = Web(process, port, log)
        try:
            eventually(lambda: _answers(port, process), bool)
            yield web
        finally:
            process.terminate()
            process.wait(END_WITHIN_S)


def _answers(port: int, process: "subprocess.Popen[bytes]") -> bool:
    assert process.poll() is None, "the web process ended"
    try:
        return is_up(port)
    except OSError:
        return False


def request(method: str, path: str, body: bytes = b"", headers: Mapping[str, str] | None = None) -> bytes:
    """A request with its length told."""
    fields = {"Host": "127.0.0.1", "Content-Length": str(len(body)), **(headers or {})}
    head = "".join(f"{name}: {value}\r\n" for name, value in fields.items())
    return f"{method} {path} HTTP/1.1\r\n{head}\r\n".encode("latin-1") + body
