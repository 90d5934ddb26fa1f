"""The whole product, started as people start it, on services and data of its own: for clients, faults, browser."""

import json
import os
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import psutil

CHECKOUT = Path(__file__).resolve().parent.parent
START_S = 90.0
WAIT_S = 45.0
POLL_S = 0.05

T = TypeVar("T")


def eventually(look: Callable[[], T], holds: Callable[[T], bool], within_s: float = WAIT_S) -> T:
    """Look again and again until the condition holds; fails with the last answer when time is over."""
    deadline = time.monotonic() + within_s
    while True:
        found = look()
        if holds(found):
            return found
        if time.monotonic() > deadline:
            raise AssertionError(f"Not within {within_s:.0f} s; last seen: {found!r}")
        time.sleep(POLL_S)


def free_port() -> int:
    """A port that nobody listens on at this moment."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


@dataclass(frozen=True)
class Credentials:
    """What `manage.py credentials --json` prints."""

    base_url: str
    workspace_id: int
    client_id: str
    client_secret: str
    web_key: str
    server_key: str
    server_secret: str


class Product:
    """`manage.py up` in a folder of its own. Everything that it started ends with `stop`."""

    def __init__(self, var: Path, **environment: str) -> None:
        self.var = var
        self.port, self.sink_port = free_port(), free_port()
        self.base_url = f"http://127.0.0.1:{self.port}"
        self._log = var / "up.log"
        self._environment = {
            **{name: value for name, value in os.environ.items() if name not in {"DATABASE_URL", "REDIS_URL"}},
            "TRIBUTARY_VAR": str(var),
            "PORT": str(self.port),
            "CDP_SINK_PORT": str(self.sink_port),
            **environment,
        }
        var.mkdir(parents=True, exist_ok=True)
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Start, and return when events can be stored."""
        with self._log.open("ab") as log:
            self._process = subprocess.Popen(
                [sys.executable, "manage.py", "up"], cwd=CHECKOUT, env=self._environment, stdout=log, stderr=log
            )
        eventually(self._state, lambda state: state != "starting", START_S)
        assert self._state() == "ready", self.log()

    def _state(self) -> str:
        if self._process is None or self._process.poll() is not None:
            return "ended"
        return "ready" if "Console" in self.log() and self.is_ready() else "starting"

    def is_ready(self) -> bool:
        """Events can be stored at this moment."""
        try:
            with urllib.request.urlopen(f"{self.base_url}/readyz", timeout=5) as answer:  # noqa: S310
                return bool(answer.status == 200)
        except OSError:
            return False

    def stop(self) -> None:
        """SIGTERM; then nothing of it may be left."""
        if self._process is None:
            return
        family = psutil.Process(self._process.pid).children(recursive=True) if self._process.poll() is None else []
        self._process.send_signal(signal.SIGTERM)
        self._process.wait(60)
        _gone, left = psutil.wait_procs(family, timeout=10)
        for process in left:
            process.kill()
        assert not left, f"still running after the stop: {left}"

    def kill_supervisor(self) -> list[psutil.Process]:
        """SIGKILL the process that holds everything together; what it had started."""
        assert self._process is not None
        family = psutil.Process(self._process.pid).children(recursive=True)
        self._process.kill()
        self._process.wait(10)
        return family

    def log(self) -> str:
        """All that was printed so far."""
        return self._log.read_text(errors="replace")

    def family(self) -> list[int]:
        """Ids of all of its processes that live."""
        assert self._process is not None
        return [self._process.pid, *(child.pid for child in self.processes())]

    def processes(self, *words: str) -> list[psutil.Process]:
        """Running processes of the product whose command line has all the words."""
        assert self._process is not None
        found = []
        for process in psutil.Process(self._process.pid).children(recursive=True):
            try:
                line = " ".join(process.cmdline())
            except psutil.Error:
                continue
            if all(word in line for word in words):
                found.append(process)
        return found

    def kill(self, process: psutil.Process) -> None:
        """SIGKILL one process of ours, by its id."""
        try:
            process.kill()
        except psutil.NoSuchProcess:
            return

    def manage(self, *arguments: str) -> str:
        """Run a management command against this product; what it printed."""
        done = subprocess.run(
            [sys.executable, "manage.py", *arguments],
            cwd=CHECKOUT,
            env=self._environment,
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        return done.stdout

    def credentials(self) -> Credentials:
        """Fresh credentials of the demo workspace."""
        return Credentials(**json.loads(self.manage("credentials", "--workspace", "demo", "--json")))

    def sink(self) -> dict[str, Any]:
        """What the demo's webhook receiver counted."""
        counts: dict[str, Any] = get_json(f"http://127.0.0.1:{self.sink_port}/")
        return counts


class Api:
    """The management API with a token."""

    def __init__(self, credentials: Credentials) -> None:
        self._base = f"{credentials.base_url}/api/v1/workspaces/{credentials.workspace_id}"
        answer = post_json(
            f"{credentials.base_url}/oauth/token",
            {
                "client_id": credentials.client_id,
                "client_secret": credentials.client_secret,
                "grant_type": "client_credentials",
                "audience": "https://api.mparticle.com",
            },
        )
        self._headers = {"Authorization": f"Bearer {answer['access_token']}"}

    def events_of(self, customer_id: str) -> list[dict[str, Any]]:
        """All stored events of a person, newest first."""
        query = f"identity_type=customer_id&identity={customer_id}&limit=100"
        page = get_json(f"{self._base}/events?{query}", self._headers)
        found: list[dict[str, Any]] = page["results"]
        while page["next"]:
            page = get_json(f"{self._base}/events?{query}&cursor={page['next']}", self._headers)
            found.extend(page["results"])
        return found

    def profile_of(self, customer_id: str) -> dict[str, Any]:
        """The person's profile; {} while there is none."""
        page = get_json(f"{self._base}/profiles?identity_type=customer_id&identity={customer_id}", self._headers)
        return next(iter(page["results"]), {})


def get_json(url: str, headers: dict[str, str] | None = None) -> Any:
    """GET, decoded."""
    with urllib.request.urlopen(urllib.request.Request(url, headers=headers or {}), timeout=20) as answer:  # noqa: S310
        return json.load(answer)


def post_json(url: str, body: object, headers: dict[str, str] | None = None) -> Any:
    """POST JSON, decoded; None for an empty answer."""
    request = urllib.request.Request(  # noqa: S310
        url, json.dumps(body).encode(), {"Content-Type": "application/json", **(headers or {})}
    )
    with urllib.request.urlopen(request, timeout=20) as answer:  # noqa: S310
        raw = answer.read()
        return json.loads(raw) if raw else None
