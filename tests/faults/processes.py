"""The product's own processes on the test's database, started again when they die; all of them end with the block."""

import os
import random
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
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


class Workers:
    """Processes of one `manage.py` command. `deaths` counts those that ended without being told to."""

    def __init__(self, command: str, count: int = 2, **more: str) -> None:
        self._command = [sys.executable, "manage.py", command]
        self._environment = environment(**more)
        self.deaths = 0
        self.running = [self._start() for _ in range(count)]

    def _start(self) -> "subprocess.Popen[bytes]":
        return subprocess.Popen(self._command, cwd=CHECKOUT, env=self._environment)

    def replace_the_dead(self) -> None:
        """Start another process for each that has ended."""
        for place, process in enumerate(self.running):
            if process.poll() is not None:
                self.deaths += 1
                self.running[place] = self._start()

    def kill_one(self, chance: random.Random) -> None:
        """SIGKILL one of them, and start another."""
        victim = chance.choice(self.running)
        victim.kill()
        victim.wait()
        self.replace_the_dead()

    def end_one(self, chance: random.Random) -> int:
        """SIGTERM one of them, and start another; its exit code."""
        place = chance.randrange(len(self.running))
        process = self.running[place]
        process.terminate()
        code = process.wait(END_WITHIN_S)
        self.running[place] = self._start()
        return code

    def stop(self) -> None:
        for process in self.running:
            process.kill()
        for process in self.running:
            process.wait()


@contextmanager
def workers(command: str, count: int = 2, **more: str) -> Iterator[Workers]:
    """Processes of `manage.py command`, watched by a thread that replaces the dead."""
    started = Workers(command, count, **more)
    with replacing(started):
        yield started


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
