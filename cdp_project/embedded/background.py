"""Keep the embedded servers running behind the prompt, for development."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

from cdp_project.embedded.address import ADDRESS_FILE, CHECKOUT, database_url, redis_url, site
from cdp_project.embedded.errors import StartError
from cdp_project.embedded.lock import holder_of
from cdp_project.embedded.servers import forget_addresses, make_home
from cdp_project.embedded.supervisor import RESTART_SIGNAL

LOG_FILE = "embedded.log"
WAIT_FOR_EVER = (sys.executable, "-c", "import signal; signal.pause()")
ENDED = "The servers ended."
BEHIND = f'("$@"; echo "{ENDED}") &'
STOP_MAY_TAKE_SECONDS = RESTART_MAY_TAKE_SECONDS = 120
# What the product writes there when it has restarted: nothing, or what went wrong.
RESTARTED_FILE = "restarted"


def start(var: Path) -> int:
    """Start the servers unless they run, print their addresses as shell assignments. Raises StartError."""
    make_home(var)
    if holder_of(var) is None:
        _start_holder(var)
    for name, url in (("DATABASE_URL", database_url(var)), ("REDIS_URL", redis_url(var))):
        if url:
            sys.stdout.write(f"export {name}='{url}'\n")
    return 0


def stop(var: Path) -> int:
    """Stop the servers that `start` started; nothing to do when none run. Raises StartError."""
    holder = holder_of(var)
    if holder is None:
        return 0
    os.kill(holder, signal.SIGTERM)
    give_up_at = time.monotonic() + STOP_MAY_TAKE_SECONDS
    while holder_of(var) == holder:
        if time.monotonic() > give_up_at:
            raise StartError(f"The process {holder} that runs on {var} does not end.")
        time.sleep(0.05)
    return 0


def restart(var: Path) -> int:
    """Have the product that runs on `var` start its processes anew, one after the other. Raises StartError."""
    holder = holder_of(var)
    if holder is None or site(var) == (None, None):
        raise StartError(f"Nothing runs on {var} that could be restarted: start it with `make up`.")
    told = var / RESTARTED_FILE
    told.unlink(missing_ok=True)
    os.kill(holder, RESTART_SIGNAL)
    give_up_at = time.monotonic() + RESTART_MAY_TAKE_SECONDS
    while not told.exists():
        if holder_of(var) != holder or time.monotonic() > give_up_at:
            raise StartError(f"The process {holder} that runs on {var} did not restart: see what it prints.")
        time.sleep(0.05)
    if problem := told.read_text(encoding="utf-8"):
        raise StartError(problem)
    sys.stdout.write("Everything was started anew.\n")
    return 0


def _start_holder(var: Path) -> None:
    # What a killed run left, or still writes, would be taken for the new one's.
    forget_addresses(var)
    (var / LOG_FILE).unlink(missing_ok=True)
    holder = [sys.executable, "-m", "cdp_project.embedded", "run", "--var", str(var), "--", *WAIT_FOR_EVER]
    with (var / LOG_FILE).open("w", encoding="utf-8") as log:
        subprocess.run(
            ["/bin/sh", "-c", BEHIND, "sh", *holder],
            cwd=CHECKOUT,
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            start_new_session=True,
            check=True,
        )
    while not (var / ADDRESS_FILE).exists():
        *said, last = (var / LOG_FILE).read_text(encoding="utf-8").splitlines() or [""]
        if last == ENDED:
            raise StartError(said[-1] if said else "The embedded servers did not start.")
        time.sleep(0.05)
