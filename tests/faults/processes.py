"""The product's own processes on the test's database, started again when they die; all of them end with the block."""

import os
import random
import subprocess
import sys
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, nullcontext
from itertools import chain, repeat
from pathlib import Path
from typing import Any

from django.conf import settings
from django.db import connection

from tests.product import CHECKOUT

POLL_S = 0.05
# One that was told to end gets this long before it is killed.
END_WITHIN_S = 30


def environment(**more: str) -> dict[str, str]:
    """What a process needs to work on the test's database, and to send to the test's own sink."""
    return {
        **os.environ,
        "DATABASE_URL": database_url(),
        "REDIS_URL": settings.REDIS_URL,
        "CDP_ENCRYPTION_KEYS": ",".join(settings.CDP_ENCRYPTION_KEYS),
        "CDP_DELIVERY_ALLOW": "127.0.0.1/32",
        "CDP_LANES": str(settings.CDP_LANES),
        "CDP_LOG_LEVEL": "ERROR",
        **more,
    }


def database_url() -> str:
    """Where Django's connection leads, as a URL."""
    config = connection.settings_dict
    login = f"{config['USER']}:{config['PASSWORD']}" if config["PASSWORD"] else config["USER"]
    return f"postgresql://{login}@{config['HOST']}:{config['PORT']}/{config['NAME']}"


def manage(command: str) -> list[str]:
    """The command line of a management command."""
    return [sys.executable, "manage.py", command]


def web(port: int) -> list[str]:
    """The command line of a web process."""
    uvicorn = ["-m", "uvicorn", "cdp_project.asgi:application", "--no-access-log", "--log-level", "error"]
    return [sys.executable, *uvicorn, "--port", str(port)]


class Workers:
    """Processes of one command. `deaths` counts those that ended without being told to.

    Each that is started has the next of `failpoints` to die at, and none when they are used up. What they say on
    standard error goes to `log` where there is one.
    """

    def __init__(
        self, command: list[str], count: int = 2, failpoints: Sequence[str] = (), log: Path | None = None
    ) -> None:
        self._command = command
        self._failpoints = chain(failpoints, repeat(""))
        self._log = log
        self.deaths = 0
        self.running = [self._start() for _ in range(count)]

    def _start(self) -> "subprocess.Popen[bytes]":
        with self._log.open("ab") if self._log else nullcontext() as log:
            env = environment(CDP_FAILPOINTS=next(self._failpoints))
            return subprocess.Popen(self._command, cwd=CHECKOUT, env=env, stderr=log)

    def replace_the_dead(self) -> None:
        """Start another process for each that has ended."""
        for place, process in enumerate(self.running):
            if process.poll() is not None:
                self.deaths += 1
                self.running[place] = self._start()

    def kill_one(self, chance: random.Random) -> None:
        """SIGKILL one of them; `replacing` starts another."""
        chance.choice(self.running).kill()

    def end_one(self, chance: random.Random) -> int:
        """SIGTERM one of them, and wait until it has ended; its exit code. `replacing` starts another."""
        process = chance.choice(self.running)
        process.terminate()
        return process.wait(END_WITHIN_S)

    def stop(self) -> None:
        for process in self.running:
            process.kill()
        for process in self.running:
            process.wait()


@contextmanager
def replacing(*groups: Workers) -> Iterator[None]:
    """Replace the dead of these groups until the block ends, then end them all."""
    over = threading.Event()

    def watch() -> None:
        while not over.wait(POLL_S):
            for group in groups:
                group.replace_the_dead()

    watcher = threading.Thread(target=watch, daemon=True)
    watcher.start()
    try:
        yield
    finally:
        over.set()
        watcher.join(END_WITHIN_S)
        for group in groups:
            group.stop()


def waiting_for_locks(application: str) -> int:
    """Sessions of the test's database with this application name that wait for somebody's lock."""
    return _sessions(application, "AND wait_event_type = 'Lock'")


def sessions(application: str) -> int:
    """Sessions of the test's database with this application name."""
    return _sessions(application, "")


def _sessions(application: str, more: str) -> int:
    statement = f"SELECT count(*) FROM pg_stat_activity WHERE datname = %s AND application_name = %s {more}"
    with connection.cursor() as cursor:
        cursor.execute(statement, [connection.settings_dict["NAME"], application])
        found: tuple[Any, ...] = cursor.fetchone()
    return int(found[0])
