"""How a request learns of its commit: a thread waits for it, an event loop is told of a whole group at once."""

import asyncio
import threading
from collections.abc import Sequence
from concurrent.futures import Future
from typing import Any
from typing import Protocol as Interface


class Ticket(Interface):
    """One request's place among those that wait for a commit."""

    def begin(self) -> bool:
        """Storing begins; False when nobody waits any more, and then nothing of it may be stored."""
        ...

    @staticmethod
    def tell(tickets: Sequence[Any], error: Exception | None) -> None:
        """Stored, or not for this reason. `tickets` are all of this kind, and were begun."""
        ...


class ThreadTicket(Future[None]):
    """For a thread that blocks in `result`; `cancel` gives up waiting."""

    def begin(self) -> bool:
        return self.set_running_or_notify_cancel()

    @staticmethod
    def tell(tickets: "Sequence[ThreadTicket]", error: Exception | None) -> None:
        for ticket in tickets:
            ticket.set_exception(error) if error else ticket.set_result(None)


class LoopTicket:
    """For a coroutine that awaits `done`. Made in its loop."""

    __slots__ = ("_claim", "_loop", "done")

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = loop
        self.done: asyncio.Future[None] = loop.create_future()
        # Whoever takes it first decides: the store that begins, or the one who gave up waiting.
        self._claim = threading.Lock()

    def begin(self) -> bool:
        return self._claim.acquire(blocking=False)

    def give_up(self) -> None:
        """Nobody waits any more; what the store has not begun it leaves out."""
        self._claim.acquire(blocking=False)
        self.done.cancel()

    def expire(self) -> None:
        """The time is over: who waits meets a TimeoutError."""
        if not self.done.done():
            self.done.set_exception(TimeoutError())

    @staticmethod
    def tell(tickets: "Sequence[LoopTicket]", error: Exception | None) -> None:
        # One crossing for the group: each would cost more than all else that a request needs of the store.
        for loop in {ticket._loop for ticket in tickets}:
            own = [ticket.done for ticket in tickets if ticket._loop is loop]
            try:
                loop.call_soon_threadsafe(_settle, own, error)
            except RuntimeError:
                # The loop was closed, and with it all who waited there.
                continue


def _settle(futures: "Sequence[asyncio.Future[None]]", error: Exception | None) -> None:
    for done in futures:
        if done.done():
            continue
        done.set_exception(error) if error else done.set_result(None)
