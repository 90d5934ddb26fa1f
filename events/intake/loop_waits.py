"""How a request of the fast lane waits: what is at hand is taken at once, the rest comes from a few threads."""

import asyncio
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime
from typing import Any, TypeVar

from cdp_project.kernel.asgi_body import Account
from events.intake import rate_limit, waits
from events.intake.desk import desk
from events.intake.inbox import NewBatch
from events.intake.keys import LOOK_UP_WAIT_S, KeyHolder
from events.intake.loop_commit import LoopCommit
from events.intake.refusals import unavailable

T = TypeVar("T")

LIMIT_THREADS = 4
# Look-ups of keys that were not known lately: guessing cannot grow a queue.
STRANGERS_MOST = 200
# Taking this much in needs half a millisecond of the processor, for which everybody else in the loop waits. Longer
# work goes to a thread: it runs no faster there, but the interpreter interrupts it for the loop.
LOOP_BYTES_MOST = 64 * 1024


class LoopDesk:
    """What the requests of one event loop share: the group commit, and threads, made when they are needed."""

    def __init__(self) -> None:
        # Keys that were known a moment ago do not stand in line behind guesses.
        self.known = ThreadPoolExecutor(1, "intake keys")
        self.strangers = ThreadPoolExecutor(1, "intake unknown keys")
        self.looks = ThreadPoolExecutor(1, "intake backpressure")
        self.limits = ThreadPoolExecutor(LIMIT_THREADS, "intake limits")
        # One: the interpreter runs no two at once.
        self.work = ThreadPoolExecutor(1, "intake bodies")
        self.group_commit = LoopCommit()
        self.finding: dict[str, asyncio.Future[KeyHolder | None]] = {}
        self.look: asyncio.Future[str | None] | None = None

    def find(self, key: str) -> "asyncio.Future[KeyHolder | None]":
        """The look-up of the key that is under way, else a new one."""
        if (found := self.finding.get(key)) is not None:
            return found
        was_known = desk.keys.was_known(key)
        if not was_known and len(self.finding) >= STRANGERS_MOST:
            raise unavailable("Too many unknown keys are being looked up; send the same again.", after_s=1)
        pool = self.known if was_known else self.strangers
        found = asyncio.get_running_loop().run_in_executor(pool, desk.keys.find, key)
        self.finding[key] = found
        # Not when nobody waits any more: a look-up that hangs still has its thread.
        found.add_done_callback(lambda _found: self.finding.pop(key, None))
        return found

    def look_around(self, now: datetime) -> "asyncio.Future[str | None]":
        """A look at what follows the intake, which nobody else takes meanwhile."""
        found = asyncio.get_running_loop().run_in_executor(self.looks, desk.backpressure.problem, now)
        self.look = found
        found.add_done_callback(self._end_look)
        return found

    def _end_look(self, _found: object) -> None:
        self.look = None

    async def close(self, wait_s: float) -> None:
        """Store what waits, for as long as it may take, and end the threads, without waiting for one that hangs."""
        await self.group_commit.close(wait_s)
        for pool in (self.known, self.strangers, self.looks, self.limits, self.work):
            pool.shutdown(wait=False, cancel_futures=True)


class LoopWaits:
    """Never blocks the event loop. `account` counts the bytes of the one request that waits."""

    __slots__ = ("_account", "_desk")

    def __init__(self, own: LoopDesk, account: Account) -> None:
        self._desk = own
        self._account = account

    def grow(self, size: int) -> None:
        self._account.grow(size)

    async def holder(self, key: str) -> KeyHolder | None:
        if (remembered := desk.keys.remembered(key)) is not None:
            return remembered[1]
        async with asyncio.timeout(LOOK_UP_WAIT_S):
            return await asyncio.shield(self._desk.find(key))

    async def problem(self, now: datetime) -> str | None:
        if desk.backpressure.is_due() and self._desk.look is None:
            # One waits for the look that it takes, the others go by the last one.
            await asyncio.wait({self._desk.look_around(now)}, timeout=LOOK_UP_WAIT_S)
        return desk.backpressure.seen

    async def rate(self, holder: KeyHolder, batches: int, now: datetime) -> int | None:
        if not holder.is_limited:
            return None
        loop = asyncio.get_running_loop()
        return await loop.run_in_executor(self._desk.limits, rate_limit.take, holder, batches, now)

    async def work(self, size: int, call: Callable[..., T], *arguments: Any) -> T:
        if size <= LOOP_BYTES_MOST:
            return call(*arguments)
        return await asyncio.get_running_loop().run_in_executor(self._desk.work, call, *arguments)

    async def stored(self, batches: Sequence[NewBatch]) -> None:
        ticket = self._desk.group_commit.add(batches)
        timer = asyncio.get_running_loop().call_later(waits.STORE_WAIT_S, ticket.expire)
        try:
            await ticket.done
        finally:
            timer.cancel()
