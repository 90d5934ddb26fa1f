"""A page that reads nothing costs a bounded piece of memory, and after a bounded time nothing, over real sockets."""

import base64
import os
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest
import uvicorn

from cdp_project import socket_bounds
from cdp_project.http_bounds import BoundedHttp
from cdp_project.socket_bounds import BoundedSocket
from tests.product import eventually

MESSAGE = "x" * 16_384
# What the kernel's two buffers and uvicorn's hold together; without a bound it would be all that is ever sent.
BYTES_MOST = 16_000_000
ONE = base64.b64encode(os.urandom(16)).decode()
UPGRADE = (
    "GET / HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n"
    f"Sec-WebSocket-Key: {ONE}\r\n\r\n"
).encode()


class Talker:
    """An application that sends without end, and notes how far it came and how it ended."""

    def __init__(self) -> None:
        self.sent = 0
        self.ended: str | None = None

    async def __call__(self, _scope: Any, receive: Any, send: Any) -> None:
        await receive()
        await send({"type": "websocket.accept"})
        try:
            while True:
                await send({"type": "websocket.send", "text": MESSAGE})
                self.sent += len(MESSAGE)
        except Exception as error:
            self.ended = type(error).__qualname__
            raise


class Listener(Talker):
    """One that says one thing and waits for the end."""

    def __init__(self, text: str = "hello") -> None:
        super().__init__()
        self._text = text

    async def __call__(self, _scope: Any, receive: Any, send: Any) -> None:
        await receive()
        await send({"type": "websocket.accept"})
        await send({"type": "websocket.send", "text": self._text})
        self.sent = len(self._text)
        self.ended = (await receive())["type"]


@contextmanager
def serving(app: Talker, **settings: Any) -> Iterator[Callable[..., socket.socket]]:
    """A web server as the product's; gives a way to open a socket, with room for few bytes unless it is wide."""
    config = uvicorn.Config(
        app,
        port=0,
        lifespan="off",
        http=BoundedHttp,
        ws=BoundedSocket,
        ws_per_message_deflate=False,
        loop="uvloop",
        log_config=None,
        timeout_graceful_shutdown=1,
        **settings,
    )
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run)
    thread.start()
    eventually(lambda: server.started, bool)
    opened: list[socket.socket] = []

    def connect(*, is_wide: bool = False) -> socket.socket:
        opened.append(socket.socket())
        if not is_wide:
            opened[-1].setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        opened[-1].connect(server.servers[0].sockets[0].getsockname())
        opened[-1].sendall(UPGRADE)
        return opened[-1]

    try:
        yield connect
    finally:
        for each in opened:
            each.close()
        server.should_exit = True
        thread.join()


def read_all(connection: socket.socket) -> None:
    """Until the other side closes."""
    while connection.recv(1_000_000):
        pass


def test_a_client_that_never_reads_is_cut_off(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(socket_bounds, "UNREAD_SECONDS_MOST", 0.3)
    app = Talker()
    with serving(app) as connect:
        connect()
        eventually(lambda: app.ended, lambda ended: ended == "ClientDisconnected")
        assert 0 < app.sent < BYTES_MOST


def test_a_client_that_reads_on_is_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    """The buffer was full, and was emptied in time: nothing of that is left."""
    monkeypatch.setattr(socket_bounds, "UNREAD_SECONDS_MOST", 2.0)
    app = Listener("x" * BYTES_MOST)
    with serving(app) as connect:
        reader = connect(is_wide=True)
        reader.settimeout(3 * socket_bounds.UNREAD_SECONDS_MOST / 2)
        # It ends by hearing nothing for longer than a full buffer is borne; a cut would be heard.
        with pytest.raises(TimeoutError):
            read_all(reader)
        assert app.sent == BYTES_MOST
        assert app.ended is None


def test_a_client_that_answers_no_ping_is_cut_off() -> None:
    app = Listener()
    with serving(app, ws_ping_interval=0.1, ws_ping_timeout=0.1) as connect:
        connect()
        eventually(lambda: app.ended, lambda ended: ended == "websocket.disconnect")


def test_one_that_answers_no_ping_with_a_full_buffer_is_cut_off_too(monkeypatch: pytest.MonkeyPatch) -> None:
    """The close that follows the silence cannot be sent any more."""
    monkeypatch.setattr(socket_bounds, "UNREAD_SECONDS_MOST", 60.0)
    monkeypatch.setattr(socket_bounds, "CLOSE_SECONDS_MOST", 0.2)
    app = Talker()
    with serving(app, ws_ping_interval=0.1, ws_ping_timeout=0.3) as connect:
        connect()
        eventually(lambda: app.ended, bool)
        assert app.sent < BYTES_MOST
