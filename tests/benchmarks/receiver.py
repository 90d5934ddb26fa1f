"""A receiver of webhooks that reads requests as fast as Python can."""

import asyncio
from typing import Any

ANSWER = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nContent-Type: application/json\r\n\r\n{}"


class Receiver(asyncio.Protocol):
    """Answers every request with 200; `note` is told of each body. Requests have a Content-Length."""

    def note(self, body: bytes) -> None:
        """One request has come."""
        raise NotImplementedError

    def connection_made(self, transport: Any) -> None:
        self._transport, self._waiting = transport, b""

    def data_received(self, data: bytes) -> None:
        waiting = self._waiting + data
        while (end := waiting.find(b"\r\n\r\n")) >= 0:
            start = waiting.lower().find(b"content-length:", 0, end) + 15
            length = int(waiting[start : waiting.find(b"\r\n", start)])
            if len(waiting) < end + 4 + length:
                break
            self.note(waiting[end + 4 : end + 4 + length])
            waiting = waiting[end + 4 + length :]
            self._transport.write(ANSWER)
        self._waiting = waiting
