"""A small closed-loop load generator for one loopback address: so many connections, each asks again when answered."""

import asyncio
import random
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import cast

import uvloop

ANSWERED_WITHIN_S = 15.0


@dataclass
class Load:
    """What came back: latencies of accepted requests in seconds, other answers by status."""

    seconds: float = 0.0
    latencies: list[float] = field(default_factory=list)
    others: Counter[int] = field(default_factory=Counter)

    def percentile_ms(self, share: float) -> float:
        """Latency that this share of the accepted requests did not exceed."""
        ordered = sorted(self.latencies)
        return ordered[min(int(len(ordered) * share), len(ordered) - 1)] * 1000


class _Asker(asyncio.Protocol):
    def __init__(self, requests: Sequence[bytes], ends_at: float, load: Load, done: "asyncio.Future[None]") -> None:
        self._requests, self._ends_at, self._load, self._done = requests, ends_at, load, done
        self._received = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)
        self._ask()

    def _ask(self) -> None:
        self._asked_at = time.perf_counter()
        self._transport.write(random.choice(self._requests))

    def data_received(self, data: bytes) -> None:
        self._received += data
        head = self._received.find(b"\r\n\r\n")
        start = self._received.lower().find(b"content-length:", 0, head) + 15
        if head < 0 or len(self._received) < head + 4 + int(
            self._received[start : self._received.find(b"\r\n", start)]
        ):
            return
        self._note(int(self._received[9:12]))
        self._received = b""

    def _note(self, status: int) -> None:
        now = time.perf_counter()
        if status == 202:
            self._load.latencies.append(now - self._asked_at)
        else:
            self._load.others[status] += 1
        if now < self._ends_at:
            self._ask()
        else:
            self._transport.close()

    def connection_lost(self, _error: Exception | None) -> None:
        if not self._done.done():
            self._done.set_result(None)


def run(port: int, requests: Sequence[bytes], connections: int, seconds: float) -> Load:
    """Ask for so long over so many connections; every request that was sent is waited for."""
    return uvloop.run(_run(port, requests, connections, seconds))


async def _run(port: int, requests: Sequence[bytes], connections: int, seconds: float) -> Load:
    loop, load, started = asyncio.get_running_loop(), Load(), time.perf_counter()
    all_done = [loop.create_future() for _ in range(connections)]
    for done in all_done:
        await loop.create_connection(
            lambda done=done: _Asker(requests, started + seconds, load, done),  # type: ignore[misc]
            "127.0.0.1",
            port,
        )
    async with asyncio.timeout(seconds + ANSWERED_WITHIN_S):
        await asyncio.gather(*all_done)
    load.seconds = time.perf_counter() - started
    return load
