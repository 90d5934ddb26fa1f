"""A WSGI application behind an ASGI server: whole bodies in, a fixed pool of threads, whole answers out.

General bridges cross between thread and event loop for every piece of body and answer; this one crosses
once each way, which takes a third more requests from the same processor.
"""

import asyncio
import io
import sys
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from contextvars import copy_context
from dataclasses import dataclass
from typing import Any

from cdp_project.kernel.asgi_body import Scope, Send

WHOLE_BYTES_MOST = 1_000_000
"""Answers of declared length up to this are sent whole, so that slow readers hold no thread."""

Environ = dict[str, Any]
Headers = list[tuple[bytes, bytes]]
WsgiApplication = Callable[[Environ, Callable[..., Any]], Iterable[bytes]]


@dataclass(slots=True)
class _Answer:
    status: int
    headers: Headers
    chunks: Iterable[bytes]

    def is_whole(self) -> bool:
        if not getattr(self.chunks, "streaming", False):
            return True
        length = dict(self.headers).get(b"content-length", b"")
        return length.isdigit() and int(length) <= WHOLE_BYTES_MOST

    def joined(self) -> "_Answer":
        body = b"".join(self.chunks)
        headers = [field for field in self.headers if field[0] != b"content-length"]
        return _Answer(self.status, [*headers, (b"content-length", str(len(body)).encode())], [body])

    def close(self) -> None:
        if close := getattr(self.chunks, "close", None):
            close()


class ThreadsBusy(Exception):
    """No thread became free in time, or too many requests wait for one already. The request was not begun."""


class WsgiThreads:
    """Runs a WSGI application in so many threads of its own, for which so many requests may wait so long."""

    def __init__(
        self, application: WsgiApplication, threads: int, name: str, *, waiting_most: int = 1000, wait_s: float = 10.0
    ) -> None:
        self._application = application
        self._pool = ThreadPoolExecutor(threads, thread_name_prefix=name)
        self._under_way = 0
        self._under_way_most = threads + waiting_most
        self._wait_s = wait_s

    async def __call__(self, scope: Scope, body: bytes, send: Send) -> None:
        """Answer one HTTP request whose body was read. Raises ThreadsBusy before anything was sent."""
        if self._under_way >= self._under_way_most:
            raise ThreadsBusy
        self._under_way += 1
        try:
            await self._run(scope, body, send)
        finally:
            self._under_way -= 1

    async def _run(self, scope: Scope, body: bytes, send: Send) -> None:
        loop = asyncio.get_running_loop()
        environ = environ_of(scope, body)

        def send_and_wait(message: dict[str, Any]) -> None:
            asyncio.run_coroutine_threadsafe(_sent(send, message), loop).result()

        # A copy of the context for each request: what one binds for its log lines, no other one shows.
        work = self._pool.submit(copy_context().run, self._answer, environ, send_and_wait)
        answered = asyncio.wrap_future(work)
        await asyncio.wait({answered}, timeout=self._wait_s)
        if work.cancel():
            raise ThreadsBusy
        whole = await answered
        if whole is not None:
            await send(_start(whole.status, whole.headers))
            await send({"type": "http.response.body", "body": b"".join(whole.chunks)})

    def close(self) -> None:
        """Wait for the requests under way and end the threads."""
        self._pool.shutdown()

    def _answer(self, environ: Environ, send_and_wait: Callable[[dict[str, Any]], None]) -> _Answer | None:
        """In the pool: the whole answer, or None after it was sent piece by piece."""
        answer = self._call(environ)
        try:
            if answer.is_whole():
                return answer.joined()
            send_and_wait(_start(answer.status, answer.headers))
            for chunk in answer.chunks:
                send_and_wait({"type": "http.response.body", "body": chunk, "more_body": True})
            send_and_wait({"type": "http.response.body", "body": b""})
            return None
        finally:
            answer.close()

    def _call(self, environ: Environ) -> _Answer:
        started: list[tuple[int, Headers]] = []

        def start_response(status: str, headers: list[tuple[str, str]], _error: object = None) -> None:
            encoded = [(name.lower().encode("latin-1"), value.encode("latin-1")) for name, value in headers]
            started.append((int(status[:3]), encoded))

        chunks = self._application(environ, start_response)
        status, headers = started[-1]
        return _Answer(status, headers, chunks)


async def _sent(send: Send, message: dict[str, Any]) -> None:
    await send(message)


def _start(status: int, headers: Headers) -> dict[str, Any]:
    return {"type": "http.response.start", "status": status, "headers": headers}


def environ_of(scope: Scope, body: bytes) -> Environ:
    """PEP 3333's environment of an ASGI request, the length that of the body as it was read."""
    server_host, server_port = scope.get("server") or ("localhost", 80)
    client_host, client_port = scope.get("client") or ("", 0)
    environ: Environ = {
        "REQUEST_METHOD": scope["method"],
        "SCRIPT_NAME": scope.get("root_path", ""),
        "PATH_INFO": scope["path"].encode().decode("latin-1"),
        "QUERY_STRING": scope["query_string"].decode("latin-1"),
        "SERVER_NAME": str(server_host),
        "SERVER_PORT": str(server_port or 0),
        "SERVER_PROTOCOL": f"HTTP/{scope['http_version']}",
        "REMOTE_ADDR": str(client_host),
        "REMOTE_PORT": str(client_port),
        "wsgi.version": (1, 0),
        "wsgi.url_scheme": scope.get("scheme", "http"),
        "wsgi.input": io.BytesIO(body),
        "wsgi.errors": sys.stderr,
        "wsgi.multithread": True,
        "wsgi.multiprocess": True,
        "wsgi.run_once": False,
    }
    _add_headers(environ, scope["headers"])
    environ["CONTENT_LENGTH"] = str(len(body))
    return environ


def _add_headers(environ: Environ, headers: Iterable[tuple[bytes, bytes]]) -> None:
    for raw_name, raw_value in headers:
        # Under WSGI `a_b` and `a-b` are one name: what has an underscore could pass for a proxy's header.
        if b"_" in raw_name or raw_name == b"transfer-encoding":
            continue
        name = raw_name.decode("latin-1").upper().replace("-", "_")
        key = name if name in {"CONTENT_TYPE", "CONTENT_LENGTH"} else f"HTTP_{name}"
        value = raw_value.decode("latin-1")
        if key in environ:
            value = environ[key] + ("; " if key == "HTTP_COOKIE" else ",") + value
        environ[key] = value
