"""A receiver for deliveries that answers as a test tells it to: well, badly, never, or without end."""

import json
import socket
import struct
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from enum import Enum
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

PIECE = b"x" * 65536


@dataclass(frozen=True)
class Received:
    """One request as it came."""

    method: str
    path: str
    headers: Mapping[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body)


@dataclass(frozen=True)
class Reply:
    """A plain answer."""

    status: int = 200
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes = b"{}"


class Misbehaviour(Enum):
    """Answers that are none."""

    HANG = "accepts and never answers"
    RESET = "resets the connection"
    CLOSE = "closes the connection without an answer"
    HALF = "promises more body than it sends, then resets"
    DRIBBLE = "sends a byte now and then"
    ENDLESS = "sends a body without end"


Script = Callable[[Received], Reply | Misbehaviour]


class Sink:
    """What was received, in order of arrival, and how to answer from now on."""

    def __init__(self) -> None:
        self.requests: list[Received] = []
        self.script: Script = lambda _: Reply()
        self.closing = threading.Event()
        self._lock = threading.Lock()
        sink = self

        class Handler(_Handler):
            owner = sink

        self._server = _Server(("127.0.0.1", 0), Handler)
        self.port: int = self._server.server_address[1]
        self.url = f"http://127.0.0.1:{self.port}/hook"
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True)
        self._thread.start()

    def react(self, received: Received) -> Reply | Misbehaviour:
        with self._lock:
            self.requests.append(received)
            return self.script(received)

    def events(self) -> list[dict[str, Any]]:
        """Every event of every request, in order of arrival."""
        return [event for request in list(self.requests) for event in request.json["events"]]

    def names(self) -> list[str]:
        """The names of those events."""
        return [event["data"]["event_name"] for event in self.events()]

    def close(self) -> None:
        self.closing.set()
        self._server.shutdown()
        self._server.server_close()
        self._thread.join(5)


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 512


class _Handler(BaseHTTPRequestHandler):
    owner: Sink
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True

    def do_POST(self) -> None:
        """Receive, and react."""
        body = self.rfile.read(int(self.headers.get("Content-Length", "0")))
        headers = {name.lower(): value for name, value in self.headers.items()}
        reaction = self.owner.react(Received(self.command, self.path, headers, body))
        if isinstance(reaction, Reply):
            self._head(reaction.status, {**reaction.headers, "Content-Length": str(len(reaction.body))})
            self.wfile.write(reaction.body)
        else:
            self._misbehave(reaction)

    def do_PUT(self) -> None:
        """As POST."""
        self.do_POST()

    def do_GET(self) -> None:
        """As POST, without a body."""
        self.do_POST()

    def _head(self, status: int, headers: Mapping[str, str]) -> None:
        self.send_response_only(status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.end_headers()

    def _misbehave(self, how: Misbehaviour) -> None:
        self.close_connection = True
        if how is Misbehaviour.HANG:
            self.owner.closing.wait(30)
        elif how is Misbehaviour.RESET:
            self._reset()
        elif how is not Misbehaviour.CLOSE:
            self._head(200, {"Content-Length": str(10**10)})
            self._body(how)

    def _body(self, how: Misbehaviour) -> None:
        try:
            while not self.owner.closing.is_set():
                self.wfile.write(PIECE if how is Misbehaviour.ENDLESS else b"x")
                if how is Misbehaviour.HALF:
                    self._reset()
                    return
                if how is Misbehaviour.DRIBBLE:
                    self.owner.closing.wait(0.05)
        except OSError:
            self.close_connection = True

    def _reset(self) -> None:
        self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.connection.close()

    def handle(self) -> None:
        try:
            super().handle()
        except (OSError, ValueError):
            self.close_connection = True

    def finish(self) -> None:
        try:
            super().finish()
        except (OSError, ValueError):
            self.close_connection = True

    def log_message(self, *_: object) -> None:
        """Say nothing."""


@contextmanager
def running_sink() -> Iterator[Sink]:
    sink = Sink()
    try:
        yield sink
    finally:
        sink.close()
