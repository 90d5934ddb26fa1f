"""Run one command between start and stop of the embedded servers."""

import asyncio
import os
import sys
from asyncio.subprocess import Process
from pathlib import Path
from typing import TextIO

from cdp_project.embedded.lock import RunLock
from cdp_project.embedded.output import Output
from cdp_project.embedded.servers import Addresses, forget_addresses, make_home, start_servers
from cdp_project.embedded.supervisor import Supervisor

STOPPED = 130
COMMAND_MAY_TAKE_SECONDS = 15


def run(var: Path, command: list[str], log: TextIO = sys.stderr) -> int:
    """Run `command` with DATABASE_URL, REDIS_URL and TRIBUTARY_VAR; its exit code. Raises StartError.

    `log` is where the servers' own lines go.
    """
    make_home(var)
    lock = RunLock(var)
    try:
        return asyncio.run(_run(lock, var, command, Output(log)))
    finally:
        forget_addresses(var)


async def _run(lock: RunLock, var: Path, command: list[str], output: Output) -> int:
    async with Supervisor(lock, output) as supervisor:
        addresses = await supervisor.unless_stopped(start_servers(supervisor, var))
        if addresses is None:
            return STOPPED
        return await _command(supervisor, command, addresses | {"TRIBUTARY_VAR": str(var)})


async def _command(supervisor: Supervisor, command: list[str], more: Addresses) -> int:
    # In our own process group and on our own terminal: it may ask questions, and Ctrl-C reaches it directly.
    process = await asyncio.create_subprocess_exec(*command, env=os.environ | more)
    supervisor.guarded.adopt(process.pid)
    try:
        return await _end_of(process, supervisor)
    finally:
        supervisor.guarded.forget(process.pid)


async def _end_of(process: Process, supervisor: Supervisor) -> int:
    ended = await supervisor.unless_stopped(process.wait())
    if ended is not None:
        return ended
    if process.returncode is None:
        process.terminate()
    try:
        return await asyncio.wait_for(process.wait(), COMMAND_MAY_TAKE_SECONDS) or STOPPED
    except TimeoutError:
        process.kill()
        return STOPPED
