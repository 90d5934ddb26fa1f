"""A receiver of webhooks that reads requests as fast as Python can."""

import asyncio
from typing import Any

ANSWER = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nContent-Type: application/json\r\n\r\n{}"


class Receiver(asyncio.Protocol):
    """Answers every request with 200 unless `answer` says otherwise; `note` is told of each body.

    Requests have a Content-Length.
    """

    def note(self, body: bytes) -> None:
        """One request has come."""
        raise NotImplementedError

    def answer(self, _body: bytes) -> bytes:
        """The whole answer to a request."""
        return ANSWER

    def connection_made(self, transport: Any) -> None:
        self._transport, self._waiting = transport, b""

    def data_received(self, data: bytes) -> None:
        waiting = self._waiting + data
        while (end := waiting.find(b"\r\n\r\n")) >= 0:
            start = waiting.lower().find(b"content-length:", 0, end) + 15
            length = int(waiting[start : waiting.find(b"\r\n", start)])
            if len(waiting) < end + 4 + length:
                break
            body, waiting = waiting[end + 4 : end + 4 + length], waiting[end + 4 + length :]
            self.note(body)
            self._transport.write(self.answer(body))
        self._waiting = waiting
