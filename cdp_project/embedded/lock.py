"""One run per var folder: a locked file that the kernel frees when the last holder is gone."""

import fcntl
import os
import time
from pathlib import Path

from cdp_project.embedded.errors import StartError, told_in_a_sentence
from cdp_project.embedded.guard import is_alive

# The guard of a killed supervisor holds the lock until it has ended what was left.
CLEANING_MAY_TAKE_SECONDS = 90


class RunLock:
    """Held from creation until the process ends; `descriptor` is handed to the guard, which shares it."""

    def __init__(self, var: Path) -> None:
        with told_in_a_sentence(var):
            self.descriptor = os.open(var / "run.lock", os.O_RDWR | os.O_CREAT, 0o600)
        give_up_at = time.monotonic() + CLEANING_MAY_TAKE_SECONDS
        while not self._take():
            holder = self._holder()
            if holder and is_alive(holder):
                raise StartError(
                    f"Tributary already runs on {var} (process {holder}): use that one, or stop it with "
                    f"Ctrl-C in its terminal or `kill {holder}`."
                )
            if time.monotonic() > give_up_at:
                raise StartError(f"A run on {var} that was killed has processes left which do not end: stop them.")
            time.sleep(0.05)
        os.ftruncate(self.descriptor, 0)
        os.pwrite(self.descriptor, str(os.getpid()).encode(), 0)

    def release(self) -> None:
        os.close(self.descriptor)

    def _take(self) -> bool:
        try:
            fcntl.flock(self.descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
        return True

    def _holder(self) -> int | None:
        written = os.pread(self.descriptor, 20, 0)
        return int(written) if written.isdigit() else None


def holder_of(var: Path) -> int | None:
    """The process that runs on `var` at this moment; None when nobody does."""
    path = var / "run.lock"
    if not path.exists():
        return None
    with path.open("r+b") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            pid = int(file.read() or b"0")
            return pid if pid and is_alive(pid) else None
    return None
