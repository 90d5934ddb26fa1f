"""A PostgreSQL of a test's own that may be stopped in the middle of anything, and Django's connection led to it."""

import os
import signal
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from django.core.management import call_command
from django.db import connection
from pytest_django import DjangoDbBlocker

from cdp_project import env
from cdp_project.embedded.account import dropping_to, server_account
from cdp_project.embedded.home import make_var, server_home
from cdp_project.embedded.postgres import postgres
from tests.product import eventually

# A process that dies takes nothing with it that the system has: what is written to the disk itself only costs time.
QUICK = ("-c", "fsync=off")


class OwnPostgres:
    """The embedded server in a folder of its own."""

    def __init__(self, var: Path) -> None:
        self._account = server_account()
        make_var(var, self._account)
        self._program, self.url = postgres(server_home(var, self._account), self._account)
        self._log = var / "postgres.log"
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Start, and return when it takes connections."""
        program = self._program
        if program.before is not None:
            program.before()
        with self._log.open("ab") as log:
            process = subprocess.Popen(
                (*program.argv, *QUICK),
                env=program.env,
                cwd=program.cwd,
                stdout=log,
                stderr=log,
                process_group=0,
                **dropping_to(self._account),
            )
        self._process = process
        ready = program.is_ready
        assert ready is not None
        eventually(lambda: ready(process.pid), bool)

    @property
    def is_running(self) -> bool:
        return self._process is not None and self._process.poll() is None

    def stop_at_once(self) -> None:
        """As `pg_ctl stop -m immediate`: no session is ended in peace, nothing is written before the end."""
        assert self._process is not None
        self._process.send_signal(signal.SIGQUIT)
        self._process.wait(30)

    def close(self) -> None:
        """End it, whatever state it is in."""
        if self._process is not None and self.is_running:
            os.killpg(self._process.pid, signal.SIGQUIT)
            self._process.wait(30)


@contextmanager
def leading_django_to(server: OwnPostgres, blocker: DjangoDbBlocker) -> Iterator[None]:
    """Within the block everything of this process works on that server, whose tables are made first."""
    before = dict(connection.settings_dict)
    connection.close()
    with blocker.unblock():
        connection.settings_dict.update(env.database(server.url))
        try:
            call_command("migrate", verbosity=0)
            yield
        finally:
            connection.close()
            connection.settings_dict.update(before)
