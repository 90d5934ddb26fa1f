"""What a request may have to wait for. The decisions about it are written once, as coroutines that await a `Waits`.

A thread has time: `ThreadWaits` blocks, so those coroutines end without being suspended. The fast lane's never blocks.
"""

from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Any, TypeVar
from typing import Protocol as Interface

from events.intake import rate_limit
from events.intake.desk import desk
from events.intake.inbox import NewBatch
from events.intake.keys import KeyHolder

T = TypeVar("T")

STORE_WAIT_S = 10.0


class Waits(Interface):
    """How one request waits."""

    def grow(self, size: int) -> None:
        """So many more bytes are held for the request: its body was inflated."""
        ...

    async def holder(self, key: str) -> KeyHolder | None:
        """Who has the key. psycopg.Error or TimeoutError when the database does not say."""
        ...

    async def problem(self, now: datetime) -> str | None:
        """Why nothing may be taken at the moment."""
        ...

    async def rate(self, holder: KeyHolder, batches: int, now: datetime) -> int | None:
        """As `rate_limit.take`."""
        ...

    async def work(self, size: int, call: Callable[..., T], *arguments: Any) -> T:
        """What the call answers, which takes the processor for as long as a body of `size` bytes needs."""
        ...

    async def stored(self, batches: Sequence[NewBatch]) -> None:
        """Return when they are committed. TimeoutError after 10 s, and the errors of `group_commit`."""
        ...


class ThreadWaits:
    """Blocks its thread."""

    def grow(self, size: int) -> None:
        """Threads are few: so are the bodies in their hands."""

    async def holder(self, key: str) -> KeyHolder | None:
        return desk.keys.find(key)

    async def problem(self, now: datetime) -> str | None:
        return desk.backpressure.problem(now)

    async def rate(self, holder: KeyHolder, batches: int, now: datetime) -> int | None:
        return rate_limit.take(holder, batches, now)

    async def work(self, _size: int, call: Callable[..., T], *arguments: Any) -> T:
        return call(*arguments)

    async def stored(self, batches: Sequence[NewBatch]) -> None:
        ticket = desk.group_commit.submit(batches)
        try:
            ticket.result(STORE_WAIT_S)
        except TimeoutError:
            ticket.cancel()
            raise
