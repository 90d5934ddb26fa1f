"""Keeps a set of programs running under one roof and stops them in a given order."""

import asyncio
import signal
import time
from collections.abc import Coroutine, Iterable
from itertools import groupby
from typing import TypeVar

from cdp_project.embedded.child import Child
from cdp_project.embedded.errors import StartError
from cdp_project.embedded.guarded import Guarded
from cdp_project.embedded.lock import RunLock
from cdp_project.embedded.output import Output
from cdp_project.embedded.program import Program, Renewed

Result = TypeVar("Result")
RESTART_SIGNAL = signal.SIGUSR1
STOPPING_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)

# `timeout`, systemd and terminals signal a whole group: its members pass on to us what we have got already.
SAME_REQUEST_SECONDS = 2.0


class Supervisor:
    """Use as an async context manager: leaving it stops everything, turn by turn."""

    def __init__(self, lock: RunLock, output: Output) -> None:
        self.output = output
        self.asked_to_stop = asyncio.Event()
        self.asked_to_restart = asyncio.Event()
        self._hurry = asyncio.Event()
        self._asked_at = 0.0
        self._children: list[Child] = []
        self.guarded = Guarded(lock.descriptor)

    async def __aenter__(self) -> "Supervisor":
        loop = asyncio.get_running_loop()
        for number in STOPPING_SIGNALS:
            loop.add_signal_handler(number, self._on_signal)
        loop.add_signal_handler(RESTART_SIGNAL, self.asked_to_restart.set)
        return self

    async def __aexit__(self, *_: object) -> None:
        try:
            in_order = sorted(self._children, key=_turn)
            for _number, together in groupby(in_order, key=_turn):
                await asyncio.gather(*(self._stop(child) for child in together))
        finally:
            self.guarded.close()

    def start(self, programs: Iterable[Program]) -> list[Child]:
        """Start programs at once, without waiting for them."""
        begun = [Child(program, self.guarded, self.output) for program in programs]
        self._children += begun
        for child in begun:
            child.start()
        return begun

    async def start_ready(self, programs: Iterable[Program]) -> None:
        """Start programs and wait until each is ready. Raises StartError."""
        await asyncio.gather(*(child.wait_ready() for child in self.start(programs)))

    async def renew(self) -> None:
        """Start every program anew that is made for it, one after the other; what they serve goes on meanwhile.

        Raises StartError when a new process does not start: the old one is kept then, and all after it.
        """
        for child in [each for each in self._children if each.program.renewed is not Renewed.NEVER]:
            began_at = time.monotonic()
            await self._renew(child)
            self.output.line(child.program.name, f"was started anew in {time.monotonic() - began_at:.1f} s")

    async def _renew(self, old: Child) -> None:
        if old.program.renewed is Renewed.IN_TURN:
            await old.stop()
        (new,) = self.start([old.program])
        try:
            await new.wait_ready()
        except StartError:
            if old.program.renewed is Renewed.OVERLAPPING:
                await new.stop()
                self._children.remove(new)
            raise
        await old.stop()
        self._children.remove(old)

    async def unless_stopped(self, work: Coroutine[None, None, Result]) -> Result | None:
        """The result of `work`; None when somebody asked to stop before it was done."""
        doing, asked = asyncio.create_task(work), asyncio.create_task(self.asked_to_stop.wait())
        await asyncio.wait({doing, asked}, return_when=asyncio.FIRST_COMPLETED)
        asked.cancel()
        if doing.done():
            return doing.result()
        doing.cancel()
        await asyncio.wait({doing})
        return None

    async def _stop(self, child: Child) -> None:
        stopping = asyncio.create_task(child.stop(hurry=self._hurry.is_set()))
        hurrying = asyncio.create_task(self._hurry.wait())
        await asyncio.wait({stopping, hurrying}, return_when=asyncio.FIRST_COMPLETED)
        hurrying.cancel()
        if not stopping.done():
            await child.stop(hurry=True)
        await stopping

    def _on_signal(self) -> None:
        now = time.monotonic()
        if not self.asked_to_stop.is_set():
            self._asked_at = now
            self.asked_to_stop.set()
        elif now - self._asked_at > SAME_REQUEST_SECONDS:
            # Asked a second time: do not wait for anybody's manners.
            self._hurry.set()


def _turn(child: Child) -> int:
    return child.program.stop_turn
