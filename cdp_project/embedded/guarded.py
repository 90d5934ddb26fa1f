"""Start processes so that none outlives us: each announces itself to the guard first."""

import asyncio
import contextlib
import os
import signal
import subprocess
import sys
from asyncio.subprocess import Process
from pathlib import Path

from cdp_project.embedded import guard
from cdp_project.embedded.account import dropping_to
from cdp_project.embedded.program import Program

# Standard input is the guard's pipe. The guard sees its end only when every such shell has become its
# program, so there is no moment at which a kill of the supervisor leaves an unknown process.
ANNOUNCE = 'echo "+$$ $0" >&0 && exec "$@" </dev/null'


class Guarded:
    """The guard process and the pipe to it. `shared` is the descriptor of the run's lock: it holds that too."""

    def __init__(self, shared: int) -> None:
        reading, self._writing = os.pipe()
        self._guard = subprocess.Popen(
            [sys.executable, "-I", "-S", str(Path(guard.__file__))],
            stdin=reading,
            pass_fds=[shared],
            start_new_session=True,
            cwd="/",
        )
        os.close(reading)

    async def spawn(self, program: Program, output: int) -> Process:
        """Start a program as leader of its own session; `output` is the descriptor of all that it prints."""
        return await asyncio.create_subprocess_exec(
            *("/bin/sh", "-c", ANNOUNCE, str(int(program.stop_signal)), *program.argv),
            stdin=self._writing,
            stdout=output,
            stderr=output,
            env=dict(program.env),
            cwd=program.cwd,
            pass_fds=program.shares,
            start_new_session=True,
            **dropping_to(program.account),
        )

    def adopt(self, pid: int) -> None:
        """Announce a process that was started elsewhere, with our own group and terminal."""
        os.write(self._writing, f"+{pid} {int(signal.SIGTERM)}\n".encode())

    def sweep(self, pid: int) -> None:
        """Forget a process that ended, and end what it left in its group."""
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(pid, signal.SIGKILL)
        self.forget(pid)

    def forget(self, pid: int) -> None:
        """Say that a process ended by itself."""
        os.write(self._writing, f"-{pid}\n".encode())

    def close(self) -> None:
        """Let the guard go; it ends what was not swept."""
        os.close(self._writing)
        self._guard.wait()
