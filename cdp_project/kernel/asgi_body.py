"""Request bodies gathered in the event loop, within bounds, so that slow senders hold no thread and little memory."""

import asyncio
from collections.abc import Awaitable, Callable, Iterable, MutableMapping
from dataclasses import dataclass
from typing import Any

from cdp_project.kernel.coroutines import Begun

Scope = MutableMapping[str, Any]
Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]

BODILESS_METHODS = frozenset({"GET", "HEAD", "OPTIONS"})


class BodyTooLarge(Exception):
    """More bytes than one body may have."""


class BodyTooSlow(Exception):
    """The body was not complete in time."""


class BodiesTooMany(Exception):
    """All bodies under way together have more bytes than the process may hold."""


class ClientGone(Exception):
    """The client closed the connection before its body was complete."""


@dataclass
class Bodies:
    """Bodies that this process holds. Bounds: bytes of one, seconds for one, bytes of all together, a least pace."""

    bytes_most: int
    seconds_most: float
    total_bytes_most: int
    # So many bytes, or the end, within so many seconds: who stalls does not hold what others could use.
    stride_bytes: int = 10_000
    stride_seconds: float = 5.0
    held: int = 0

    def account(self) -> "Account":
        """Within its block, what the account's body holds counts."""
        return Account(self)


class Account:
    """One request's share of the bytes held."""

    __slots__ = ("_bodies", "held")

    def __enter__(self) -> "Account":
        return self

    def __exit__(self, *_error: object) -> None:
        self._bodies.held -= self.held

    def __init__(self, bodies: Bodies) -> None:
        self._bodies = bodies
        self.held = 0

    async def read(self, scope: Scope, receive: Receive) -> bytes:
        """The whole body. Raises one of the errors above; those with a length too large at once."""
        if scope["method"] in BODILESS_METHODS:
            return b""
        if declared_length(scope["headers"]) > self._bodies.bytes_most:
            raise BodyTooLarge
        first = Begun(receive())
        if first.is_done and not first.result.get("more_body", False):
            # It came with its head, as nearly all do.
            return self._take(first.result)
        begun = asyncio.get_running_loop().time()
        try:
            async with asyncio.timeout_at(self._due(begun, begun)) as limit:
                return await self._gather(first, receive, limit, begun)
        except TimeoutError:
            raise BodyTooSlow from None

    def _due(self, begun: float, now: float) -> float:
        """When the next stride has to be complete."""
        return min(begun + self._bodies.seconds_most, now + self._bodies.stride_seconds)

    async def _gather(self, first: Begun[Message], receive: Receive, limit: asyncio.Timeout, begun: float) -> bytes:
        parts: list[bytes] = []
        stride = 0
        message = first.result if first.is_done else await first.rest()
        while True:
            parts.append(self._take(message))
            if not message.get("more_body", False):
                return b"".join(parts) if len(parts) > 1 else parts[0]
            stride += len(parts[-1])
            if stride >= self._bodies.stride_bytes:
                stride = 0
                limit.reschedule(self._due(begun, asyncio.get_running_loop().time()))
            message = await receive()

    def _take(self, message: Message) -> bytes:
        """The piece of the body that came."""
        if message["type"] == "http.disconnect":
            raise ClientGone
        piece: bytes = message.get("body", b"")
        self._hold(len(piece))
        return piece

    def _hold(self, size: int) -> None:
        if self.held + size > self._bodies.bytes_most:
            raise BodyTooLarge
        self.grow(size)

    def grow(self, size: int) -> None:
        """Hold so many bytes more, as of a body that was inflated. Raises BodiesTooMany."""
        self.held += size
        self._bodies.held += size
        if self._bodies.held > self._bodies.total_bytes_most:
            raise BodiesTooMany


def declared_length(headers: Iterable[tuple[bytes, bytes]]) -> int:
    """Content-Length; 0 when there is none, as with chunked bodies."""
    for name, value in headers:
        if name == b"content-length" and value.isdigit():
            return int(value)
    return 0
