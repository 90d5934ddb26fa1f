"""Read PostgreSQL's pid file as pg_ctl does: is it ready, is it stale, does an older server still run?"""

import os
import signal
import subprocess
import time
from pathlib import Path

from cdp_project.embedded.errors import StartError

PID_FILE = "postmaster.pid"
STATUS_LINE = 7
OLD_SERVER_MAY_TAKE_SECONDS = 60


def is_ready(data: Path, pid: int) -> bool:
    """Whether the server with this process id takes connections (recovery is over)."""
    lines = _lines(data)
    return len(lines) > STATUS_LINE and lines[0] == str(pid) and lines[STATUS_LINE].strip() == "ready"


def clear_the_way(data: Path) -> None:
    """End a server that an earlier run left in this folder, and remove a pid file that names a stranger.

    PostgreSQL itself handles a pid file whose process is gone; it gives up where the number has been given
    to another process of the same user.
    """
    pid = next((int(line) for line in _lines(data)[:1] if line.isdigit()), None)
    if pid is None:
        return
    command = _command_line(pid)
    if command is None:
        return
    if str(data) in command and "postgres" in command:
        _end(pid, data)
    else:
        (data / PID_FILE).unlink(missing_ok=True)


def _lines(data: Path) -> list[str]:
    try:
        return (data / PID_FILE).read_text(encoding="utf-8").splitlines()
    except FileNotFoundError:
        return []


def _command_line(pid: int) -> str | None:
    """The command line of a living process; None when there is none."""
    if Path("/proc/self/cmdline").exists():
        try:
            raw = Path(f"/proc/{pid}/cmdline").read_bytes()
        except (FileNotFoundError, ProcessLookupError):
            return None
        return raw.replace(b"\0", b" ").decode("utf-8", "replace") or None
    shown = subprocess.run(["ps", "-ww", "-o", "command=", "-p", str(pid)], capture_output=True, text=True, check=False)
    return shown.stdout.strip() or None


def _end(pid: int, data: Path) -> None:
    os.kill(pid, signal.SIGINT)
    give_up_at = time.monotonic() + OLD_SERVER_MAY_TAKE_SECONDS
    while _command_line(pid) is not None:
        if time.monotonic() > give_up_at:
            raise StartError(f"An older PostgreSQL (process {pid}) still runs in {data} and does not end: stop it.")
        time.sleep(0.05)
