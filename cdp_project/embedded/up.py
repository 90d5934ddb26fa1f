"""Run the whole product in the foreground: servers, migrations, processes, and at last what to do with it."""

import asyncio
import errno
import json
import os
import socket
import subprocess
import sys
from asyncio.subprocess import PIPE
from collections.abc import Mapping
from pathlib import Path

from cdp_project.embedded.address import CHECKOUT, var_folder
from cdp_project.embedded.background import RESTARTED_FILE
from cdp_project.embedded.banner import FirstStart, banner
from cdp_project.embedded.errors import SettingError, StartError
from cdp_project.embedded.files import write_private
from cdp_project.embedded.given_settings import read_settings
from cdp_project.embedded.limits import raise_file_limit
from cdp_project.embedded.lock import RunLock
from cdp_project.embedded.output import Output
from cdp_project.embedded.ports import LOOPBACK, first_free, listen
from cdp_project.embedded.prepared import is_prepared, remember_prepared
from cdp_project.embedded.probe import check_reachable
from cdp_project.embedded.product import (
    DEFAULT_PORT,
    DEFAULT_SINK_PORT,
    MANAGE,
    Site,
    environment,
    first_programs,
    other_programs,
    whereabouts,
)
from cdp_project.embedded.servers import forget_addresses, make_home, start_servers
from cdp_project.embedded.supervisor import Supervisor


def main() -> int:
    """The exit code: 0 after a stop that was asked for, 1 with a sentence when the start cannot go on.

    2 when it is a variable that has to be changed.
    """
    try:
        read_settings(os.environ)
        _up(var_folder())
    except StartError as error:
        sys.stderr.write(f"{error}\n")
        return error.exit_code
    return 0


def _up(var: Path) -> None:
    make_home(var)
    lock = RunLock(var)
    raise_file_limit()
    host, port = os.environ.get("HOST") or LOOPBACK, int(os.environ.get("PORT") or DEFAULT_PORT)
    try:
        with _open_door(host, port) as door:
            check_reachable("DATABASE_URL", 5432)
            check_reachable("REDIS_URL", 6379)
            site = Site(host, port, door.fileno(), _sink_port(), var)
            asyncio.run(_run(lock, site, door))
    finally:
        forget_addresses(var)


async def _run(lock: RunLock, site: Site, door: socket.socket) -> None:
    async with Supervisor(lock, Output()) as supervisor:
        if env := await supervisor.unless_stopped(_start(supervisor, site)):
            while await supervisor.unless_stopped(supervisor.asked_to_restart.wait()):
                supervisor.asked_to_restart.clear()
                await supervisor.unless_stopped(_restart(supervisor, site, env))
        await supervisor.asked_to_stop.wait()
        supervisor.output.plain("Stopping.")
        # New connections are refused at once instead of waiting for nobody.
        door.close()


async def _start(supervisor: Supervisor, site: Site) -> Mapping[str, str]:
    """The environment of the processes."""
    addresses = await start_servers(supervisor, site.var, whereabouts(site))
    env = environment(site, addresses)
    first = await _prepare_and_start(supervisor, site, env)
    supervisor.start(other_programs(site, env))
    supervisor.output.plain(banner(first, f"http://{LOOPBACK}:{site.sink_port}/"))
    return env


async def _restart(supervisor: Supervisor, site: Site, env: Mapping[str, str]) -> None:
    """One process after the other, after the migrations of the code that is there now; then say how it went."""
    try:
        await _prepare(supervisor, env)
        remember_prepared(site.var)
        await supervisor.renew()
        problem = ""
    except StartError as error:
        problem = f"The restart stopped, and what runs goes on: {error}"
    supervisor.output.plain(problem or "Everything was started anew.")
    write_private(site.var / RESTARTED_FILE, problem)


async def _prepare_and_start(supervisor: Supervisor, site: Site, env: Mapping[str, str]) -> FirstStart:
    """One after the other; at once where the last start ended with the same migrations on the same data."""
    if is_prepared(site.var):
        first, _ = await asyncio.gather(_prepare(supervisor, env), supervisor.start_ready(first_programs(site, env)))
        return first
    first = await _prepare(supervisor, env)
    remember_prepared(site.var)
    await supervisor.start_ready(first_programs(site, env))
    return first


async def _prepare(supervisor: Supervisor, env: Mapping[str, str]) -> FirstStart:
    """Migrate and make what a first start makes, in a process that then gives its memory back."""
    process = await asyncio.create_subprocess_exec(
        *(*MANAGE, "up", "--prepare"), stdin=subprocess.DEVNULL, stdout=PIPE, stderr=PIPE, env=env, cwd=CHECKOUT
    )
    try:
        printed, said = await process.communicate()
    except asyncio.CancelledError:
        process.terminate()
        await process.wait()
        raise
    *before, last = said.decode("utf-8", "replace").strip().splitlines() or [""]
    for line in before if process.returncode else filter(None, (*before, last)):
        supervisor.output.line("prepare", line)
    if process.returncode:
        problem = last.removeprefix("CommandError: ") or "The database could not be prepared."
        raise StartError(problem) if process.returncode == 1 else SettingError(problem)
    found: FirstStart = json.loads(printed)
    return found


def _open_door(host: str, port: int) -> socket.socket:
    try:
        return listen(host, port)
    except OSError as error:
        if error.errno not in {errno.EADDRINUSE, errno.EACCES}:
            raise SettingError(f"HOST={host} is no address of this machine: {error.strerror}.") from error
        raise StartError(
            f"Port {port} on {host} is in use by another program, or closed to this user: "
            f"stop that program, or choose another port with `PORT={port + 1} make up`."
        ) from error


def _sink_port() -> int:
    """The port asked for, else the next free one; who asked for another is told."""
    wanted = int(os.environ.get("CDP_SINK_PORT") or DEFAULT_SINK_PORT)
    found = first_free(wanted)
    if found != wanted and os.environ.get("CDP_SINK_PORT"):
        Output().line("sink", f"port {wanted} (CDP_SINK_PORT) is in use by another program; using {found} instead")
    return found


if __name__ == "__main__":
    sys.exit(main())
