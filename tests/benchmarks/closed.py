"""A closed load: so many connections, each asks again when it is answered."""

import asyncio
import time
from collections.abc import Iterator

import uvloop

from tests.benchmarks.asker import Asker, connect
from tests.benchmarks.cell import NoFigure
from tests.benchmarks.load import ANSWERED_WITHIN_S, LOST, Load, undisturbed


class Closed:
    """One load under way; over when every connection has ended."""

    def __init__(self, requests: Iterator[bytes], seconds: float) -> None:
        self.load, self.over = Load(), asyncio.Event()
        self._requests, self._seconds, self._living = requests, seconds, 0

    def begin(self, askers: list[Asker]) -> None:
        self._living, now = len(askers), time.perf_counter()
        self._ends_at = now + self._seconds
        for asker in askers:
            asker.ask(next(self._requests), now)

    def answered(self, asker: Asker, status: int) -> None:
        now = time.perf_counter()
        self.load.note(status, now - asker.since)
        if now < self._ends_at:
            asker.ask(next(self._requests), now)
        else:
            asker.close()

    def lost(self, asker: Asker) -> None:
        if asker.is_waiting:
            self.load.note(LOST, 0)
        self._living -= 1
        if not self._living:
            self.over.set()


def closed(port: int, requests: Iterator[bytes], connections: int, seconds: float) -> Load:
    """Upload for so long; every request that was sent is waited for. NoFigure when an answer does not come at all."""
    with undisturbed():
        return uvloop.run(_closed(port, requests, connections, seconds))


async def _closed(port: int, requests: Iterator[bytes], connections: int, seconds: float) -> Load:
    state = Closed(requests, seconds)
    askers = await connect(port, connections, state.answered, state.lost)
    began = time.perf_counter()
    state.begin(askers)
    try:
        await asyncio.wait_for(state.over.wait(), seconds + ANSWERED_WITHIN_S)
    except TimeoutError:
        raise NoFigure(f"an answer did not come within {ANSWERED_WITHIN_S:.0f} s") from None
    state.load.seconds = time.perf_counter() - began
    return state.load
