"""A load generator that costs little: raw sockets, prepared bytes. Closed: each connection asks again when answered.

Open: requests are sent when they are due, whatever became of those before, and a latency counts from then.
"""

import asyncio
import gc
import time
from collections import Counter, deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import cast

import uvloop

from tests.benchmarks.cell import NoFigure

ANSWERED_WITHIN_S = 30.0
CONNECTIONS_MOST = 64
TICK_S = 0.001


@dataclass
class Load:
    """What came back: latencies of the wanted answers in seconds, others by status."""

    seconds: float = 0.0
    latencies: list[float] = field(default_factory=list)
    others: Counter[int] = field(default_factory=Counter)

    @property
    def per_second(self) -> float:
        return len(self.latencies) / self.seconds

    def percentile_ms(self, share: float) -> float:
        """Latency that this share of the requests did not exceed."""
        return percentile(sorted(self.latencies), share) * 1000

    def check(self) -> "Load":
        """Itself; raises NoFigure when an answer was another than wanted."""
        if self.others or not self.latencies:
            raise NoFigure(f"answers {dict(self.others)} besides {len(self.latencies)} good ones")
        return self


def percentile(ordered: list[float], share: float) -> float:
    """Of sorted values; 0 when there are none."""
    return ordered[min(int(len(ordered) * share), len(ordered) - 1)] if ordered else 0.0


class Asker(asyncio.Protocol):
    """One connection with one request on its way. `answered` is told of each status, `lost` of the end."""

    def __init__(self, answered: "Callable[[Asker, int], None]", lost: "Callable[[Asker], None]") -> None:
        self._answered, self._lost, self._received = answered, lost, b""
        self.since = 0.0

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)

    def ask(self, request: bytes, since: float) -> None:
        """Send; the latency counts from `since`."""
        self.since = since
        self._transport.write(request)

    def close(self) -> None:
        self._transport.close()

    def data_received(self, data: bytes) -> None:
        received = self._received + data if self._received else data
        if is_complete(received):
            self._received = b""
            self._answered(self, int(received[9:12]))
        else:
            self._received = received

    def connection_lost(self, _error: Exception | None) -> None:
        self._lost(self)


def is_complete(received: bytes) -> bool:
    """Whether a whole answer is there: its head, and the body that the head announces."""
    end = received.find(b"\r\n\r\n")
    if end < 0:
        return False
    place = received.lower().find(b"content-length:", 0, end)
    length = int(received[place + 15 : received.find(b"\r\n", place)]) if place >= 0 else 0
    return len(received) >= end + 4 + length


@contextmanager
def undisturbed() -> Iterator[None]:
    """No search for reference cycles meanwhile: its pauses would be latencies."""
    gc.collect()
    gc.disable()
    try:
        yield
    finally:
        gc.enable()


def closed(port: int, requests: Iterator[bytes], connections: int, seconds: float, wanted: int = 202) -> Load:
    """Ask for so long over so many connections; every request that was sent is waited for."""
    with undisturbed():
        return uvloop.run(_closed(port, requests, connections, seconds, wanted))


async def _closed(port: int, requests: Iterator[bytes], connections: int, seconds: float, wanted: int) -> Load:
    loop, load, began = asyncio.get_running_loop(), Load(), time.perf_counter()
    over, living = loop.create_future(), set[Asker]()

    def answered(asker: Asker, status: int) -> None:
        now = time.perf_counter()
        note(load, status, now - asker.since, wanted)
        if now < began + seconds:
            asker.ask(next(requests), now)
        else:
            asker.close()

    def lost(asker: Asker) -> None:
        living.discard(asker)
        if not living and not over.done():
            over.set_result(None)

    for _ in range(connections):
        _, asker = await loop.create_connection(lambda: Asker(answered, lost), "127.0.0.1", port)
        living.add(asker)
    began = time.perf_counter()
    for asker in list(living):
        asker.ask(next(requests), time.perf_counter())
    async with asyncio.timeout(seconds + ANSWERED_WITHIN_S):
        await over
    load.seconds = time.perf_counter() - began
    return load


def note(load: Load, status: int, latency: float, wanted: int) -> None:
    """Count one answer."""
    if status == wanted:
        load.latencies.append(latency)
    else:
        load.others[status] += 1


@dataclass
class Opened:
    """An open load under way: who is free, what is due and waits for somebody free."""

    make: Callable[[int], bytes]
    total: int
    wanted: int
    load: Load = field(default_factory=Load)
    free: deque[Asker] = field(default_factory=deque)
    waiting: deque[tuple[int, float]] = field(default_factory=deque)
    lost_count: int = 0

    def answered(self, asker: Asker, status: int) -> None:
        note(self.load, status, time.perf_counter() - asker.since, self.wanted)
        self.free.append(asker)
        self.send()

    def lost(self, asker: Asker) -> None:
        self.lost_count += 1
        if asker in self.free:
            self.free.remove(asker)

    def send(self) -> None:
        while self.waiting and self.free:
            number, due = self.waiting.popleft()
            self.free.popleft().ask(self.make(number), due)

    @property
    def is_done(self) -> bool:
        return len(self.load.latencies) + self.load.others.total() >= self.total


def opened(port: int, make: Callable[[int, int], bytes], per_second: float, seconds: float, wanted: int = 202) -> Load:
    """Ask at a steady rate. `make` gets the request's number and when it is due, in Unix microseconds."""
    with undisturbed():
        return uvloop.run(_opened(port, make, per_second, seconds, wanted))


async def _opened(port: int, make: Callable[[int, int], bytes], per_second: float, seconds: float, wanted: int) -> Load:
    loop, total = asyncio.get_running_loop(), int(per_second * seconds)
    begins, begins_us = time.perf_counter() + 0.05, time.time_ns() // 1000 + 50_000
    state = Opened(lambda number: make(number, begins_us + int(number / per_second * 1e6)), total, wanted)
    # Not so many that the server closes one for being idle.
    for _ in range(min(CONNECTIONS_MOST, max(4, int(per_second / 4)))):
        _, asker = await loop.create_connection(lambda: Asker(state.answered, state.lost), "127.0.0.1", port)
        state.free.append(asker)
    number, ends = 0, begins + seconds + ANSWERED_WITHIN_S
    while not state.is_done:
        now = time.perf_counter()
        while number < total and begins + number / per_second <= now:
            state.waiting.append((number, begins + number / per_second))
            number += 1
        state.send()
        if now > ends or (state.lost_count and not state.free and not state.waiting):
            raise NoFigure(f"{total - len(state.load.latencies)} of {total} requests were not answered")
        await asyncio.sleep(TICK_S)
    state.load.seconds = time.perf_counter() - begins
    for asker in state.free:
        asker.close()
    return state.load
