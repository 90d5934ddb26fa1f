"""The live socket: one per open page, for members only, never more than two messages a second."""

import asyncio
import json
from collections.abc import Awaitable, Callable
from typing import Any
from weakref import WeakSet

import redis
import structlog
from channels.auth import get_user
from channels.db import database_sync_to_async
from channels.generic.websocket import AsyncWebsocketConsumer
from django.contrib.sessions.backends.db import SessionStore

from cdp_project.console.live_buffer import LiveBuffer
from cdp_project.kernel.live import FRAME_VERSION, VIEWERS, feed_group
from cdp_project.workspaces.seat import Seat, find_seat

log = structlog.get_logger(__name__)

FLUSH_S = 0.5
TICK_S = 10.0
RECHECK_S = 5.0
# 44xx are ours. 1013 (try again later) is answered by the page with a pause.
CLOSE_REFUSED, CLOSE_NOTHING_HERE, CLOSE_TRY_LATER = 4403, 4404, 1013


_open: WeakSet["LiveConsumer"] = WeakSet()
VIEWERS.read = lambda: {(): float(len(_open))}


class LiveConsumer(AsyncWebsocketConsumer):  # type: ignore[misc]
    """Passes frames of `kernel.live` on to the page, gathered, and closes when the seat is lost."""

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        """Without Valkey not even a channel can be had: the page is told to come again, and the log stays short."""
        try:
            await super().__call__(scope, receive, send)
        except (OSError, redis.RedisError) as error:
            log.warning("no live events", error_type=type(error).__qualname__, error=str(error))
            await send({"type": "websocket.close", "code": CLOSE_TRY_LATER})

    async def connect(self) -> None:
        """Refused ones are accepted first: a close before that reaches the browser without its code."""
        self._buffer = LiveBuffer()
        self._group: str | None = None
        self._tasks: list[asyncio.Task[None]] = []
        await self.accept()
        seat = await self._seat()
        if seat is None:
            await self.close(CLOSE_REFUSED)
            return
        _open.add(self)
        self._group = feed_group(seat.workspace.pk, seat.environment.word)
        await self.channel_layer.group_add(self._group, self.channel_name)
        await self._send({"kind": "hello"})
        self._repeat(FLUSH_S, self._flush)
        self._repeat(TICK_S, self._tick)
        self._repeat(RECHECK_S, self._recheck)

    async def disconnect(self, code: int) -> None:  # noqa: ARG002 - the library's signature
        _open.discard(self)
        for task in self._tasks:
            task.cancel()
        if self._group is not None:
            try:
                await self.channel_layer.group_discard(self._group, self.channel_name)
            except (OSError, redis.RedisError) as error:
                log.debug("live group not left", error=str(error))

    async def receive(self, text_data: str | None = None, bytes_data: bytes | None = None) -> None:
        """Pages have nothing to say; what they send is not even parsed."""

    async def feed_frame(self, message: dict[str, Any]) -> None:
        """From the channel layer. A frame of another version cannot be read, but missing it can be told."""
        if message.get("v") == FRAME_VERSION:
            self._buffer.add(message)
        else:
            self._buffer.has_missed = True

    def _repeat(self, seconds: float, act: Callable[[], Awaitable[None]]) -> None:
        task = asyncio.create_task(_every(seconds, act))
        task.add_done_callback(self._ended)
        self._tasks.append(task)

    def _ended(self, task: "asyncio.Task[None]") -> None:
        """A seat that cannot be looked up any more is no seat: the page has to come again."""
        if task.cancelled() or (error := task.exception()) is None:
            return
        if isinstance(error, OSError):
            log.debug("live page gone", error=str(error))
        else:
            log.warning("live socket closed", error=str(error))
            self._tasks.append(asyncio.ensure_future(self._close_anyway()))

    async def _close_anyway(self) -> None:
        try:
            await self.close(CLOSE_TRY_LATER)
        except (OSError, RuntimeError) as error:
            log.debug("live socket was closed already", error=str(error))

    async def _flush(self) -> None:
        message = self._buffer.take()
        if message is not None:
            await self._send(message)

    async def _tick(self) -> None:
        # Tells the page that silence means no events, not a dead line.
        await self._send({"kind": "tick"})

    async def _recheck(self) -> None:
        """A membership that ended, a sign-out or a blocked user closes the page's line within seconds."""
        if await self._seat() is None:
            await self.close(CLOSE_REFUSED)

    async def _seat(self) -> Seat | None:
        user = await get_user({"session": await database_sync_to_async(_fresh_session)(self.scope)})
        place = self.scope["url_route"]["kwargs"]
        seat: Seat | None = await database_sync_to_async(find_seat)(user, place["slug"], place["environment"])
        return seat

    async def _send(self, message: dict[str, Any]) -> None:
        await self.send(text_data=json.dumps(message, separators=(",", ":")))


def _fresh_session(scope: dict[str, Any]) -> SessionStore:
    """The session as it is now, not as it was when the socket opened."""
    return SessionStore(scope["session"].session_key)


async def _every(seconds: float, act: Callable[[], Awaitable[None]]) -> None:
    while True:
        await asyncio.sleep(seconds)
        await act()


async def nothing_here(_scope: Any, receive: Any, send: Any) -> None:
    """The answer at addresses that have no socket."""
    await receive()
    await send({"type": "websocket.close", "code": CLOSE_NOTHING_HERE})
