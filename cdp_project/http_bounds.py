"""uvicorn's HTTP with bounds that it lacks: bytes and seconds for the head of a request, requests that wait for
their turn on a connection, connections at once.

Named by `--http` of the web processes. Bodies are bounded later, by the application.
"""

import resource
from asyncio import Transport
from asyncio.events import TimerHandle
from collections.abc import Sized
from typing import Any

from uvicorn.protocols.http.flow_control import FlowControl
from uvicorn.protocols.http.httptools_impl import STATUS_LINE, HttpToolsProtocol, RequestResponseCycle

from cdp_project.lingering import Lingering

HEAD_BYTES_MOST = 65_536
HEAD_SECONDS_MOST = 10.0
# Requests of one connection that may wait for their turn; each holds some kilobytes.
PIPELINED_MOST = 100
# Files that a web process needs for stores, logs and code beside its connections.
OTHER_FILES = 200


def connections_most(files_most: int) -> int:
    """How many connections a process may hold that may open so many files."""
    return max(files_most - OTHER_FILES, files_most // 2)


def files_most() -> int:
    """How many files this process may open at once."""
    soft, _hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    return soft if soft != resource.RLIM_INFINITY else 65_536


class HeadTooLarge(Exception):
    """The head of a request has more bytes than it may have."""


class TooManyPipelined(Exception):
    """More requests came at once than may wait for their turn."""


class PatientFlow(FlowControl):
    """Reads nothing more while requests wait for their turn: what they need has come.

    uvicorn's own reads on at each answer, and takes in as many requests more as one reading holds.
    """

    def __init__(self, transport: Transport, waiting: Sized) -> None:
        super().__init__(transport)
        self._waiting = waiting

    def resume_reading(self) -> None:
        if not self._waiting:
            super().resume_reading()


class BoundedHttp(HttpToolsProtocol):
    """One connection."""

    connections_most = connections_most(files_most())

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._head_timer: TimerHandle | None = None
        self._is_head_awaited = True
        # Bytes since the parser last had something for us: it gathers whatever comes until then.
        self._fruitless_bytes = 0
        self._was_fruitful = False
        self._under_way: RequestResponseCycle | None = None

    def connection_made(self, transport: Transport) -> None:  # type: ignore[override] # as uvicorn's own
        super().connection_made(transport)
        self.flow = PatientFlow(transport, self.pipeline)
        self._lingering = Lingering(transport, self.loop, lambda: not self.cycle.more_body)
        if len(self.connections) > self.connections_most:
            transport.abort()
        else:
            self._begin_timer()

    def connection_lost(self, exc: Exception | None) -> None:
        self._end_timer()
        self._give_up_answer()
        super().connection_lost(exc)

    def eof_received(self) -> bool:  # type: ignore[override] # True keeps the connection open for the answer
        """Who has said all that they have to say is still answered; who stops amid a request is gone."""
        is_answered = not self._is_idle() and not self.cycle.more_body
        if is_answered:
            self.cycle.keep_alive = False
        else:
            self._give_up_answer()
        return is_answered

    def data_received(self, data: bytes) -> None:
        if self.transport.is_closing():
            return
        if self._lingering.is_lingering:
            self._lingering.drop(data)
            return
        self._was_fruitful = False
        super().data_received(data)
        self._fruitless_bytes = 0 if self._was_fruitful else self._fruitless_bytes + len(data)
        if self.transport.is_closing():
            return
        if self._fruitless_bytes > HEAD_BYTES_MOST:
            self._refuse_head()
        elif self._is_head_awaited and self._is_idle():
            # Blank lines and half heads end uvicorn's wait for the next request; ours goes on.
            self._begin_timer()

    def on_headers_complete(self) -> None:
        self._was_fruitful, self._is_head_awaited = True, False
        self._end_timer()
        if len(self.url) + sum(len(name) + len(value) for name, value in self.headers) > HEAD_BYTES_MOST:
            raise HeadTooLarge
        if len(self.pipeline) >= PIPELINED_MOST:
            raise TooManyPipelined
        super().on_headers_complete()

    def on_body(self, body: bytes) -> None:
        self._was_fruitful = True
        super().on_body(body)

    def on_message_complete(self) -> None:
        self._was_fruitful = self._is_head_awaited = True
        super().on_message_complete()

    def handle_websocket_upgrade(self) -> None:
        super().handle_websocket_upgrade()
        # From here on the connection is another protocol's.
        self._is_head_awaited = False

    def send_400_response(self, msg: str) -> None:
        """What uvicorn does with every error of the parser, ours among them."""
        if not self._is_idle():
            # Amid another answer this one would be taken for its body.
            self._give_up_answer()
            self.transport.close()
        else:
            super().send_400_response(msg)

    def _refuse_head(self) -> None:
        if self._is_idle():
            self.transport.write(STATUS_LINE[431] + b"content-length: 0\r\nconnection: close\r\n\r\n")
        self.transport.close()

    def _start_asgi_task(self, cycle: RequestResponseCycle, app: Any) -> None:
        self._under_way = cycle
        cycle.transport = self._lingering  # type: ignore[assignment] # of which it writes to, asks after and closes
        super()._start_asgi_task(cycle, app)

    def _give_up_answer(self) -> None:
        """Nobody will read it: what is still sent is dropped, where uvloop would call it a fault."""
        if self._under_way is not None and not self._under_way.response_complete:
            self._under_way.disconnected = True
            self._under_way.message_event.set()

    def _is_idle(self) -> bool:
        return self.cycle is None or self.cycle.response_complete

    def _begin_timer(self) -> None:
        if self._head_timer is None:
            self._head_timer = self.loop.call_later(HEAD_SECONDS_MOST, self.transport.close)

    def _end_timer(self) -> None:
        if self._head_timer is not None:
            self._head_timer.cancel()
            self._head_timer = None
