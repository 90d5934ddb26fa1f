"""Talks to an ASGI application without a server: one request, its body in pieces, its answer gathered."""

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Mapping, MutableMapping
from dataclasses import dataclass, field
from typing import Any

Message = MutableMapping[str, Any]
Application = Callable[[Message, Any, Any], Awaitable[None]]


@dataclass
class Answer:
    """What came back. `messages` counts the pieces of the body."""

    status: int = 0
    headers: dict[str, str] = field(default_factory=dict)
    body: bytes = b""
    messages: int = 0

    async def take(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self.status = message["status"]
            self.headers = {name.decode(): value.decode() for name, value in message["headers"]}
        else:
            self.messages += 1
            self.body += message.get("body", b"")


def scope_of(method: str, path: str, headers: Mapping[str, str], query: bytes = b"") -> Message:
    """An HTTP request as servers describe it."""
    return {
        "type": "http",
        "http_version": "1.1",
        "method": method,
        "scheme": "http",
        "path": path,
        "query_string": query,
        "headers": [(name.encode(), value.encode()) for name, value in {"host": "127.0.0.1", **headers}.items()],
        "client": ("203.0.113.7", 4711),
        "server": ("127.0.0.1", 8000),
    }


class Pieces:
    """A request's body, piece by piece; None in place of a piece is a client that went away."""

    def __init__(self, pieces: Iterable[bytes | None], *, then_silent: bool = False) -> None:
        self._left = list(pieces)
        self._then_silent = then_silent

    async def __call__(self) -> Message:
        if not self._left:
            await asyncio.sleep(60)
        piece = self._left.pop(0)
        if piece is None:
            return {"type": "http.disconnect"}
        return {"type": "http.request", "body": piece, "more_body": bool(self._left) or self._then_silent}


async def ask(
    application: Application,
    method: str,
    path: str,
    pieces: Iterable[bytes | None] = (b"",),
    headers: Mapping[str, str] | None = None,
    *,
    query: bytes = b"",
    then_silent: bool = False,
) -> Answer:
    """Send one request and gather the answer."""
    answer = Answer()
    receive = Pieces(pieces, then_silent=then_silent)
    await application(scope_of(method, path, headers or {}, query), receive, answer.take)
    return answer
