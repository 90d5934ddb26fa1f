"""Group commit: what waits in this process goes into one statement and is answered after its commit.

No delay is added: while one group commits, the next one gathers (performance.md B).
"""

import threading
from collections.abc import Callable, Sequence

from cdp_project.kernel.coroutines import run_here
from cdp_project.kernel.database import Connection, SteadyConnection
from events.intake.gathering import Gathering
from events.intake.inbox import NewBatch
from events.intake.storing import Storing
from events.intake.tickets import ThreadTicket


class GroupCommit:
    """Stores batches by `write`, from one thread and connection of its own that start at the first request.

    `write` is called outside any transaction. `redraw` is called when two processes chose the same number.
    """

    def __init__(self, write: Callable[[Connection, Sequence[NewBatch]], None], redraw: Callable[[], None]) -> None:
        self._write = write
        self._connection = SteadyConnection(autocommit=True, name="tributary intake")
        self._storing = Storing(self._write_here, redraw, self._connection.drop)
        self._gathering = Gathering()
        self._changed = threading.Condition()
        self._thread: threading.Thread | None = None

    def submit(self, batches: Sequence[NewBatch]) -> ThreadTicket:
        """Done when the batches are committed; fails with an error of `storing`. Raises StoreBusy at once."""
        ticket = ThreadTicket()
        with self._changed:
            self._gathering.add(batches, ticket)
            if self._thread is None or not self._thread.is_alive():
                self._thread = threading.Thread(target=self._run, name="group commit", daemon=True)
                self._thread.start()
            self._changed.notify_all()
        return ticket

    def _run(self) -> None:
        while True:
            with self._changed:
                self._changed.wait_for(self._gathering.has_waiting)
                group = self._gathering.take()
            run_here(self._storing.store(group))
            with self._changed:
                self._gathering.end(group)
                self._changed.notify_all()

    async def _write_here(self, batches: Sequence[NewBatch]) -> None:
        self._write(self._connection.get(), batches)

    def close(self, wait_s: float = 0.0) -> None:
        """Give the connection back once nothing waits, which may take so long; the next request opens another."""
        with self._changed:
            if self._changed.wait_for(lambda: not self._gathering.count, wait_s):
                self._connection.drop()
