"""Group commit by the event loop that also answers: no thread is woken for a group, and none crosses back."""

import asyncio
from collections.abc import Sequence

from cdp_project.kernel import clock
from cdp_project.kernel.database import SteadyConnection
from cdp_project.kernel.failpoints import failpoint
from cdp_project.kernel.wake import waker
from events.intake import inbox
from events.intake.desk import desk
from events.intake.gathering import Gathering
from events.intake.inbox import NewBatch
from events.intake.storing import Storing
from events.intake.tickets import LoopTicket


class LoopCommit:
    """Stores over one connection of its own. While one group commits, the next one gathers."""

    def __init__(self) -> None:
        self._connection = SteadyConnection(autocommit=True, name="tributary intake")
        self._storing = Storing(self._write, _redraw, self._connection.drop)
        self._gathering = Gathering()
        self._task: asyncio.Task[None] | None = None

    def add(self, batches: Sequence[NewBatch]) -> LoopTicket:
        """Done when the batches are committed; fails with an error of `storing`. Raises StoreBusy at once."""
        loop = asyncio.get_running_loop()
        ticket = LoopTicket(loop.create_future())
        self._gathering.add(batches, ticket)
        if self._task is None:
            # It begins when the loop has run all that is ready: that many are in the first group already.
            self._task = loop.create_task(self._run())
        return ticket

    async def _run(self) -> None:
        try:
            while group := self._gathering.take():
                try:
                    await self._storing.store(group)
                finally:
                    self._gathering.end(group)
        except asyncio.CancelledError:
            # Amid a statement: nobody could use the connection any more.
            self._connection.drop()
            raise
        finally:
            self._task = None

    async def _write(self, batches: Sequence[NewBatch]) -> None:
        failpoint("intake.before_insert")
        if not self._connection.is_open():
            await asyncio.get_running_loop().run_in_executor(None, self._connection.get)
        await inbox.copy_in(self._connection.get(), batches, desk.sequence, clock.now())
        failpoint("intake.after_commit")
        waker.hint("pipeline")

    async def close(self, wait_s: float) -> None:
        """Store what waits, for as long as it may take, and give the connection back."""
        if self._task is not None:
            await asyncio.wait({self._task}, timeout=wait_s)
        self._connection.drop()


def _redraw() -> None:
    # Looked up each time: a forked process has a desk of its own.
    desk.sequence.draw_slot()
