"""Outlives the supervisor by a moment: when the supervisor is gone, ends the processes that it left.

Runs as a script of its own without site-packages. Standard input is a pipe: "+PID SIGNAL" announces a process,
"-PID" takes it back. End of file means that the supervisor is gone.
"""

import os
import signal
import sys
import time
from pathlib import Path

WORKERS_MAY_TAKE_SECONDS = 8.0
SERVERS_MAY_TAKE_SECONDS = 60.0


def main() -> None:
    for ignored in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(ignored, signal.SIG_IGN)
    left: dict[int, int] = {}
    for line in sys.stdin:
        note(left, line)
    end(left)


def note(left: dict[int, int], line: str) -> None:
    """Keep the list of living processes: process id to the signal that ends it politely."""
    words = line[1:].split()
    if line.startswith("+") and len(words) == 2:
        left[int(words[0])] = int(words[1])
    elif line.startswith("-") and words:
        left.pop(int(words[0]), None)


def end(left: dict[int, int]) -> None:
    """Workers first, then the servers that they write to; politely, then for good."""
    workers = [pid for pid, number in left.items() if number == signal.SIGTERM]
    servers = [pid for pid in left if pid not in workers]
    for pids, seconds in ((workers, WORKERS_MAY_TAKE_SECONDS), (servers, SERVERS_MAY_TAKE_SECONDS)):
        for pid in pids:
            send(pid, left[pid])
        wait_until_gone(pids, seconds)
        for pid in pids:
            send(pid, signal.SIGKILL)


def send(pid: int, number: int) -> None:
    """To the whole group, so that a worker's own children go with it; to the process alone where it leads none."""
    for kill in (os.killpg, os.kill):
        try:
            kill(pid, number)
        except (ProcessLookupError, PermissionError):
            continue
        return


def wait_until_gone(pids: list[int], seconds: float) -> None:
    give_up_at = time.monotonic() + seconds
    while any(is_alive(pid) for pid in pids) and time.monotonic() < give_up_at:
        time.sleep(0.05)


def is_alive(pid: int) -> bool:
    """A zombie is not alive: nobody may come to collect it in a container."""
    try:
        os.kill(pid, 0)
        status = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8", errors="replace")
    except (ProcessLookupError, PermissionError):
        return False
    except FileNotFoundError:
        return not Path("/proc/self/stat").exists()
    return status.rpartition(")")[2].split()[0] not in {"Z", "X"}


if __name__ == "__main__":
    main()
