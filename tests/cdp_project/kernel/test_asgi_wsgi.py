"""The bridge from ASGI to WSGI threads."""

import asyncio
import threading
from collections.abc import Callable, Iterable, Iterator
from typing import Any

import pytest

from cdp_project.kernel import asgi_wsgi
from cdp_project.kernel.asgi_wsgi import ThreadsBusy, WsgiThreads, environ_of
from tests.cdp_project.asgi_client import Answer, scope_of

Environ = dict[str, Any]


def answer_of(application: Any, method: str = "POST", body: bytes = b"", **headers: str) -> Answer:
    """What comes back through the bridge."""
    threads, answer = WsgiThreads(application, 2, "test"), Answer()
    try:
        asyncio.run(threads(scope_of(method, "/ü", headers, b"a=1"), body, answer.take))
    finally:
        threads.close()
    return answer


class Streamed:
    """An answer that Django would stream."""

    streaming = True

    def __init__(self, chunks: Iterable[bytes], on_close: Callable[[], None] = lambda: None) -> None:
        self._chunks, self.close = chunks, on_close

    def __iter__(self) -> Iterator[bytes]:
        return iter(self._chunks)


def streaming(
    chunks: Iterable[bytes], headers: list[tuple[str, str]], on_close: Callable[[], None] = lambda: None
) -> Any:
    def application(_environ: Environ, start_response: Any) -> Streamed:
        start_response("200 OK", headers)
        return Streamed(chunks, on_close)

    return application


def test_the_body_arrives_and_the_answer_comes_back_whole() -> None:
    def echo(environ: Environ, start_response: Any) -> list[bytes]:
        start_response("201 Created", [("X-Thread", threading.current_thread().name)])
        return [environ["wsgi.input"].read(), b"!", environ["QUERY_STRING"].encode()]

    answer = answer_of(echo, body=b"hello")

    assert (answer.status, answer.body, answer.messages) == (201, b"hello!a=1", 1)
    assert answer.headers["x-thread"].startswith("test")


def test_the_environment_is_what_pep_3333_asks_for() -> None:
    headers = {
        "content-type": "text/plain",
        "x-request-id": "1",
        "content-length": "999",
        "transfer-encoding": "chunked",
    }
    environ = environ_of(scope_of("POST", "/ü", headers, b"q=\xff"), b"12345")

    assert environ["PATH_INFO"].encode("latin-1").decode() == "/ü"
    assert environ["QUERY_STRING"] == "q=\xff"
    assert environ["CONTENT_TYPE"] == "text/plain"
    assert environ["HTTP_X_REQUEST_ID"] == "1"
    assert environ["CONTENT_LENGTH"] == "5"
    assert environ["REMOTE_ADDR"] == "203.0.113.7"
    assert "HTTP_TRANSFER_ENCODING" not in environ


def test_headers_that_come_twice_are_joined_and_those_with_an_underscore_dropped() -> None:
    scope = scope_of("GET", "/", {})
    scope["headers"] = [(b"cookie", b"a=1"), (b"cookie", b"b=2"), (b"x-a", b"1"), (b"x-a", b"2"), (b"x_a", b"3")]
    environ = environ_of(scope, b"")

    assert environ["HTTP_COOKIE"] == "a=1; b=2"
    assert environ["HTTP_X_A"] == "1,2"


class Stuck:
    """An application whose first request does not end until it may."""

    def __init__(self) -> None:
        self.begun, self.may_end = threading.Event(), threading.Event()
        self.calls = 0

    def __call__(self, _environ: Environ, start_response: Any) -> list[bytes]:
        self.calls += 1
        self.begun.set()
        self.may_end.wait(20)
        start_response("200 OK", [])
        return [b"done"]


@pytest.mark.parametrize(("waiting_most", "wait_s"), [(0, 20.0), (5, 0.05)])
def test_who_finds_no_thread_is_told_so_and_never_begun(waiting_most: int, wait_s: float) -> None:
    stuck = Stuck()
    threads = WsgiThreads(stuck, 1, "test", waiting_most=waiting_most, wait_s=wait_s)

    async def ask_twice() -> Answer:
        answer, second = Answer(), Answer()
        first = asyncio.create_task(threads(scope_of("GET", "/", {}), b"", answer.take))
        await asyncio.to_thread(stuck.begun.wait, 20)
        with pytest.raises(ThreadsBusy):
            await threads(scope_of("GET", "/", {}), b"", second.take)
        stuck.may_end.set()
        await first
        return answer

    answer = asyncio.run(ask_twice())
    threads.close()

    assert (answer.status, answer.body) == (200, b"done")
    assert stuck.calls == 1


def test_small_streams_are_sent_whole_and_others_piece_by_piece(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(asgi_wsgi, "WHOLE_BYTES_MOST", 10)

    small = answer_of(streaming([b"12345", b"67890"], [("Content-Length", "10")]))
    large = answer_of(streaming([b"12345", b"678901"], [("Content-Length", "11")]))
    endless = answer_of(streaming([b"1", b"2"], []))

    assert (small.body, small.messages) == (b"1234567890", 1)
    assert (large.body, large.messages) == (b"12345678901", 3)
    assert (endless.body, endless.messages) == (b"12", 3)


def test_answers_are_closed_also_when_they_fail() -> None:
    closed = []

    def failing() -> Iterator[bytes]:
        yield b"1"
        raise RuntimeError("in the middle")

    answer_of(streaming([b"1"], [], lambda: closed.append("good")))
    with pytest.raises(RuntimeError, match="in the middle"):
        answer_of(streaming(failing(), [], lambda: closed.append("bad")))

    assert closed == ["good", "bad"]
