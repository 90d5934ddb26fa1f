"""Heads of requests have bounds, over real sockets: nobody freezes or fills a web process before it knows a path."""

import asyncio
import socket
import threading
from collections.abc import Callable, Iterator
from typing import Any

import pytest
import uvicorn

from cdp_project import http_bounds
from cdp_project.http_bounds import BoundedHttp, connections_most
from tests.cdp_project.embedded.conftest import wait_until

Connect = Callable[[], socket.socket]
HEAD = b"GET / HTTP/1.1\r\nHost: a\r\n"


async def echo(scope: dict[str, Any], receive: Any, send: Any) -> None:
    """Answers with the length of the body; over a socket with one late word."""
    if scope["type"] == "websocket":
        await send({"type": "websocket.accept"})
        await asyncio.sleep(0.6)
        await send({"type": "websocket.send", "text": "late"})
        return
    size, more = 0, True
    while more:
        message = await receive()
        size, more = size + len(message.get("body", b"")), message.get("more_body", False)
    body = str(size).encode()
    headers = [(b"content-length", str(len(body)).encode())]
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    await send({"type": "http.response.body", "body": body})


@pytest.fixture
def server() -> Iterator[uvicorn.Server]:
    config = uvicorn.Config(
        echo,
        port=0,
        lifespan="off",
        http=BoundedHttp,
        ws="websockets-sansio",
        loop="uvloop",
        log_config=None,
        timeout_graceful_shutdown=1,
    )
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run)
    thread.start()
    wait_until(lambda: server.started, "the server listens")
    yield server
    server.should_exit = True
    thread.join()


@pytest.fixture
def connect(server: uvicorn.Server) -> Iterator[Connect]:
    opened: list[socket.socket] = []

    def one() -> socket.socket:
        opened.append(socket.create_connection(server.servers[0].sockets[0].getsockname(), timeout=30))
        return opened[-1]

    yield one
    for each in opened:
        each.close()


def all_of(connection: socket.socket) -> bytes:
    """What comes until the server closes."""
    said = b""
    try:
        while piece := connection.recv(65_536):
            said += piece
    except ConnectionResetError:
        pass
    return said


def send_until_refused(connection: socket.socket, piece: bytes, times: int) -> int:
    """How many pieces could be sent before the server closed."""
    for sent in range(times):
        try:
            connection.sendall(piece)
        except (BrokenPipeError, ConnectionResetError):
            return sent
    return times


def status_of(connection: socket.socket) -> bytes:
    return connection.recv(65_536).partition(b"\r\n")[0]


def test_ordinary_requests_pass_one_after_the_other_and_in_one_piece(connect: Connect) -> None:
    connection = connect()
    for _ in range(2):
        connection.sendall(b"POST / HTTP/1.1\r\nHost: a\r\nX: " + b"x" * 60_000 + b"\r\nContent-Length: 500000\r\n\r\n")
        connection.sendall(b"y" * 500_000)
        assert connection.recv(1000).endswith(b"\r\n\r\n500000")
    connection.sendall(HEAD + b"\r\n" + HEAD + b"Connection: close\r\n\r\n")
    assert all_of(connection).count(b"200 OK") == 2


def test_an_endless_header_line_is_cut(connect: Connect) -> None:
    connection = connect()
    connection.sendall(HEAD + b"X: ")
    assert send_until_refused(connection, b"x" * 65_536, 1000) < 1000


def test_a_head_beyond_the_bound_is_431(connect: Connect) -> None:
    connection = connect()
    connection.sendall(HEAD)
    connection.sendall(b"X: " + b"x" * 40_000)
    connection.sendall(b"x" * 40_000)
    assert status_of(connection) == b"HTTP/1.1 431 Request Header Fields Too Large"


def test_a_complete_head_beyond_the_bound_reaches_no_application(connect: Connect) -> None:
    connection = connect()
    connection.sendall(HEAD + b"".join(b"X-%d: %s\r\n" % (number, b"x" * 1000) for number in range(80)) + b"\r\n")
    assert all_of(connection).split(b" ")[1] in {b"400", b"431"}


def test_endless_trailers_are_cut(connect: Connect) -> None:
    connection = connect()
    connection.sendall(b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nx\r\n0\r\nX: ")
    assert send_until_refused(connection, b"x" * 65_536, 1000) < 1000


@pytest.mark.parametrize("said", [b"", HEAD, b"\r\n"])
@pytest.mark.parametrize("is_reused", [False, True])
def test_half_heads_end_in_time(
    connect: Connect, monkeypatch: pytest.MonkeyPatch, said: bytes, *, is_reused: bool
) -> None:
    monkeypatch.setattr(http_bounds, "HEAD_SECONDS_MOST", 0.3)
    connection = connect()
    if is_reused:
        connection.sendall(HEAD + b"\r\n")
        assert status_of(connection) == b"HTTP/1.1 200 OK"
    connection.sendall(said)
    assert all_of(connection) == b""


def test_what_became_a_socket_is_not_waited_for(connect: Connect, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(http_bounds, "HEAD_SECONDS_MOST", 0.3)
    connection = connect()
    key = b"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n"
    connection.sendall(HEAD + b"Connection: Upgrade\r\nUpgrade: websocket\r\n" + key + b"\r\n")
    said = all_of(connection)
    assert b" 101 " in said
    assert b"late" in said


def test_connections_beyond_the_bound_are_closed_and_the_others_live(
    connect: Connect, server: uvicorn.Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(BoundedHttp, "connections_most", 2)
    first, second = connect(), connect()
    wait_until(lambda: len(server.server_state.connections) == 2, "both are taken")

    assert all_of(connect()) == b""
    for each in (first, second):
        each.sendall(HEAD + b"\r\n")
        assert status_of(each) == b"HTTP/1.1 200 OK"


def test_connections_leave_files_for_the_rest() -> None:
    assert connections_most(1024) == 824
    assert connections_most(256) == 128
