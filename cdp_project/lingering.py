"""The end of a connection whose request was answered before it was read whole: the client still gets the answer.

To close a socket with unread bytes resets it, and the client's system then throws away what came before the reset.
"""

from asyncio import AbstractEventLoop, Transport
from collections.abc import Callable

LINGER_SECONDS, LINGER_BYTES_MOST = 2.0, 10_000_000


class Lingering:
    """A connection's transport as its answers see it. While `is_lingering`, what arrives is counted and dropped."""

    def __init__(self, transport: Transport, loop: AbstractEventLoop, is_read_whole: Callable[[], bool]) -> None:
        self._transport = transport
        self._loop = loop
        self._is_read_whole = is_read_whole
        self._dropped_bytes = 0
        self.is_lingering = False

    def write(self, data: bytes) -> None:
        self._transport.write(data)

    def is_closing(self) -> bool:
        return self._transport.is_closing()

    def close(self) -> None:
        """Say that nothing more comes, and listen on for a while to what the client still sends."""
        if self._is_read_whole() or self._transport.is_closing():
            self._transport.close()
        elif not self.is_lingering:
            self.is_lingering = True
            self._transport.write_eof()
            self._transport.resume_reading()
            self._loop.call_later(LINGER_SECONDS, self._transport.close)

    def drop(self, data: bytes) -> None:
        """Bytes of a request that was answered already."""
        self._dropped_bytes += len(data)
        if self._dropped_bytes > LINGER_BYTES_MOST:
            self._transport.close()
