"""How a request learns of its commit: a thread blocks for it, a coroutine of the same event loop awaits it."""

import asyncio
from concurrent.futures import Future
from typing import Protocol as Interface


class Ticket(Interface):
    """One request's place among those that wait for a commit."""

    def begin(self) -> bool:
        """Storing begins; False when nobody waits any more, and then nothing of it may be stored."""
        ...

    def tell(self, error: Exception | None) -> None:
        """Stored, or not for this reason. Only after it was begun."""
        ...


class ThreadTicket(Future[None]):
    """For a thread that blocks in `result`; `cancel` gives up waiting."""

    def begin(self) -> bool:
        return self.set_running_or_notify_cancel()

    def tell(self, error: Exception | None) -> None:
        self.set_exception(error) if error else self.set_result(None)


class LoopTicket:
    """For a coroutine that awaits `done`, in the loop that stores; cancelling `done` gives up waiting."""

    __slots__ = ("done",)

    def __init__(self, done: "asyncio.Future[None]") -> None:
        self.done = done

    def begin(self) -> bool:
        return not self.done.done()

    def tell(self, error: Exception | None) -> None:
        if self.done.done():
            return
        self.done.set_exception(error) if error else self.done.set_result(None)

    def expire(self) -> None:
        """The time is over: who waits meets a TimeoutError."""
        self.tell(TimeoutError())
