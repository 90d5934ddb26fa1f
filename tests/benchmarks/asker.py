"""One connection of a load generator that costs little: raw sockets, prepared bytes, one request on its way."""

import asyncio
from collections.abc import Callable
from typing import cast


class Asker(asyncio.Protocol):
    """`answered` is told of each status, `lost` of the connection's end."""

    def __init__(self, answered: "Callable[[Asker, int], None]", lost: "Callable[[Asker], None]") -> None:
        self._answered, self._lost, self._received = answered, lost, b""
        self.since, self.is_waiting = 0.0, False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)

    def ask(self, request: bytes, since: float) -> None:
        """Send; the latency counts from `since`."""
        self.since, self.is_waiting = since, True
        self._transport.write(request)

    def close(self) -> None:
        self._transport.close()

    def data_received(self, data: bytes) -> None:
        received = self._received + data if self._received else data
        if is_complete(received):
            self._received, self.is_waiting = b"", False
            self._answered(self, int(received[9:12]))
        else:
            self._received = received

    def connection_lost(self, _error: Exception | None) -> None:
        self._lost(self)


async def connect(
    port: int, count: int, answered: Callable[[Asker, int], None], lost: Callable[[Asker], None]
) -> list[Asker]:
    """So many connections to a loopback port."""
    loop = asyncio.get_running_loop()
    made = [await loop.create_connection(lambda: Asker(answered, lost), "127.0.0.1", port) for _ in range(count)]
    return [asker for _, asker in made]


def is_complete(received: bytes) -> bool:
    """Whether a whole answer is there: its head, and the body that the head announces."""
    end = received.find(b"\r\n\r\n")
    if end < 0:
        return False
    place = received.lower().find(b"content-length:", 0, end)
    length = int(received[place + 15 : received.find(b"\r\n", place)]) if place >= 0 else 0
    return len(received) >= end + 4 + length
