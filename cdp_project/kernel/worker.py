"""The endless loop of a hot process: work while there is some, then wait for a hint or the next poll."""

import signal
import threading
from collections.abc import Callable
from types import FrameType
from typing import Protocol

import structlog

from cdp_project.kernel.backoff import delay_seconds
from cdp_project.kernel.database import RETRYABLE

log = structlog.get_logger(__name__)

IDLE_POLL_S = 0.5
RETRY_FIRST_S, RETRY_MOST_S = 0.2, 5.0


class Waits(Protocol):
    """What a worker waits by: a `Waiter`, or a loop that waits for sockets too."""

    def wait(self, seconds: float) -> None:
        """Return when there may be work, or the time is over."""
        ...

    def close(self) -> None:
        """Called once, after the last turn."""
        ...


class Worker:
    """Calls `turn` until `stop`; `turn` does a bounded piece of work and says whether it found any."""

    def __init__(
        self,
        name: str,
        turn: Callable[[], bool],
        waiter: Waits,
        idle_poll_s: float = IDLE_POLL_S,
        waits_out: tuple[type[Exception], ...] = RETRYABLE,
    ) -> None:
        self._name = name
        self._waits_out = waits_out
        self._turn = turn
        self._waiter = waiter
        self._idle_poll_s = idle_poll_s
        self._stopping = threading.Event()

    def stop(self) -> None:
        """Finish the turn under way and return from `run`."""
        self._stopping.set()

    def stop_on_signals(self) -> None:
        """SIGTERM and SIGINT end the loop after the turn under way; a second Ctrl-C ends the process at once."""

        def handle(_signal: int, _frame: FrameType | None) -> None:
            self.stop()
            signal.signal(signal.SIGINT, signal.SIG_DFL)

        signal.signal(signal.SIGTERM, handle)
        signal.signal(signal.SIGINT, handle)

    def run(self) -> None:
        """Work until stopped. Errors that `waits_out` names are waited out, every other ends the loop."""
        log.info("worker started", worker=self._name)
        failures = 0
        while not self._stopping.is_set():
            try:
                found = self._turn()
                failures = 0
            except self._waits_out as error:
                failures += 1
                wait_s = delay_seconds(failures, first=RETRY_FIRST_S, most=RETRY_MOST_S)
                log.warning(
                    "worker waits for the infrastructure",
                    worker=self._name,
                    wait_s=wait_s,
                    error_type=type(error).__qualname__,
                    error=str(error).strip(),
                )
                self._stopping.wait(wait_s)
                continue
            if not found and not self._stopping.is_set():
                self._waiter.wait(self._idle_poll_s)
        self._waiter.close()
        log.info("worker stopped", worker=self._name)
