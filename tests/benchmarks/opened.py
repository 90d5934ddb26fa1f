"""An open load: requests are sent when they are due, whatever became of those before; latencies count from then."""

import asyncio
import time
from collections import deque
from collections.abc import Callable

import uvloop

from tests.benchmarks.asker import Asker, connect
from tests.benchmarks.cell import NoFigure
from tests.benchmarks.load import ANSWERED_WITHIN_S, LOST, Load, undisturbed

CONNECTIONS_MOST = 64
TICK_S = 0.001

Make = Callable[[int, int], bytes]
"""A request from its number and from when it is due, in Unix microseconds."""


class Opened:
    """One load under way: who is free, and what is due and waits for somebody free."""

    def __init__(self, make: Make, per_second: float, seconds: float, wanted: int) -> None:
        self.load, self.total = Load(wanted), int(per_second * seconds)
        self._make, self._every_s = make, 1 / per_second
        self._free: deque[Asker] = deque()
        self._next = 0

    def begin(self, askers: list[Asker]) -> None:
        self._free.extend(askers)
        self.began, self._began_us = time.perf_counter(), time.time_ns() // 1000

    def send_due(self) -> None:
        """Whatever is due, as long as somebody is free."""
        now = time.perf_counter()
        while self._free and self._next < self.total and (due := self._next * self._every_s) <= now - self.began:
            request = self._make(self._next, self._began_us + int(due * 1e6))
            self._free.popleft().ask(request, self.began + due)
            self._next += 1

    def answered(self, asker: Asker, status: int) -> None:
        self.load.note(status, time.perf_counter() - asker.since)
        self._free.append(asker)
        self.send_due()

    def lost(self, asker: Asker) -> None:
        if asker.is_waiting:
            self.load.note(LOST, 0)
        elif asker in self._free:
            self._free.remove(asker)

    @property
    def is_done(self) -> bool:
        return len(self.load.latencies) + self.load.others.total() >= self.total

    def close(self) -> None:
        for asker in list(self._free):
            asker.close()


def opened(port: int, make: Make, per_second: float, seconds: float, wanted: int = 202) -> Load:
    """Ask at a steady rate. NoFigure when answers do not come."""
    with undisturbed():
        return uvloop.run(_opened(port, Opened(make, per_second, seconds, wanted), per_second, seconds))


async def _opened(port: int, state: Opened, per_second: float, seconds: float) -> Load:
    # Not so many that the server closes one for being idle.
    count = min(CONNECTIONS_MOST, max(4, int(per_second / 4)))
    state.begin(await connect(port, count, state.answered, state.lost))
    while not state.is_done:
        state.send_due()
        if time.perf_counter() > state.began + seconds + ANSWERED_WITHIN_S:
            raise NoFigure(f"{state.total - len(state.load.latencies)} of {state.total} requests were not answered")
        await asyncio.sleep(TICK_S)
    state.load.seconds = time.perf_counter() - state.began
    state.close()
    return state.load
