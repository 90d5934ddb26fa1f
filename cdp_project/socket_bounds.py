"""uvicorn's websockets with a bound that they lack: seconds for which a client may leave unread what it is sent.

Named by `--ws` of the web processes. A client that reads nothing would keep its buffer, its tasks and its place
for as long as it answers on the level of TCP, and a close in order waits for the buffer to be emptied.
"""

from asyncio import TimerHandle
from typing import Any

from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol

UNREAD_SECONDS_MOST = 20.0
CLOSE_SECONDS_MOST = 5.0


class BoundedSocket(WebSocketsSansIOProtocol):
    """One connection."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._abort_timer: TimerHandle | None = None

    def pause_writing(self) -> None:
        """The buffer is full: sending waits from here on."""
        super().pause_writing()
        self._abort_in(UNREAD_SECONDS_MOST)

    def resume_writing(self) -> None:
        """The client read on."""
        super().resume_writing()
        if not self.transport.is_closing():
            self._end_timer()

    def keepalive_timeout(self) -> None:
        """No answer to a ping: the close that this begins must end, read or not."""
        super().keepalive_timeout()
        self._abort_in(CLOSE_SECONDS_MOST)

    def connection_lost(self, exc: Exception | None) -> None:
        self._end_timer()
        super().connection_lost(exc)

    def _abort_in(self, seconds: float) -> None:
        self._end_timer()
        self._abort_timer = self.loop.call_later(seconds, self.transport.abort)

    def _end_timer(self) -> None:
        if self._abort_timer is not None:
            self._abort_timer.cancel()
            self._abort_timer = None
