"""The real web process on the test database, in a process of its own, and the pipeline beside it."""

import os
import subprocess
import sys
import urllib.error
import urllib.request
from pathlib import Path

from django.conf import settings
from django.db import connection

from tests.product import CHECKOUT, eventually, free_port


class Website:
    """uvicorn as `make up` starts it, with one worker. `stop` ends what was started, by process."""

    def __init__(self, log: Path) -> None:
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self._log = log
        self._web: subprocess.Popen[bytes] | None = None
        self._pipeline: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Returns when the sign-in page answers."""
        self._web = self._run(
            *(sys.executable, "-m", "uvicorn", "cdp_project.asgi:application", "--port", str(self.port)),
            *(
                "--ws",
                "cdp_project.socket_bounds:BoundedSocket",
                "--no-proxy-headers",
                "--no-access-log",
                "--log-level",
                "warning",
            ),
            *("--timeout-graceful-shutdown", "1"),
        )
        eventually(self._answers, bool)

    @property
    def pid(self) -> int:
        """Of the web process, which runs."""
        assert self._web is not None
        return self._web.pid

    def start_pipeline(self) -> None:
        self._pipeline = self._run(sys.executable, "manage.py", "run_pipeline")

    def stop(self) -> None:
        self.stop_pipeline()
        _end(self._web)
        self._web = None

    def stop_pipeline(self) -> None:
        _end(self._pipeline)
        self._pipeline = None

    def _run(self, *argv: str) -> subprocess.Popen[bytes]:
        at = connection.settings_dict
        address = f"postgresql://{at['USER']}:{at['PASSWORD']}@{at['HOST']}:{at['PORT']}/{at['NAME']}"
        environment = {**os.environ, "DATABASE_URL": address, "REDIS_URL": settings.REDIS_URL}
        with self._log.open("ab") as log:
            return subprocess.Popen(argv, cwd=CHECKOUT, env=environment, stdout=log, stderr=log)

    def _answers(self) -> bool:
        try:
            with urllib.request.urlopen(f"{self.url}/admin/login/", timeout=5) as answer:  # noqa: S310 - our own address
                return bool(answer.status == 200)
        except (urllib.error.URLError, OSError):
            return False


def _end(process: subprocess.Popen[bytes] | None) -> None:
    if process is not None:
        process.terminate()
        process.wait(20)
