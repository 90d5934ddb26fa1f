"""The fast lane: uploads taken in by the event loop itself, with no thread, no Django and no DRF a request.

What is decided about a request stands in `events.ingest`, for this lane and for the DRF views alike.
"""

from django.conf import settings

from cdp_project.kernel.asgi_body import Account, Bodies, Receive, Scope, Send
from events.ingest import Origin, request_id_of, take_in
from events.intake.fields import header_fields, query_fields
from events.intake.loop_waits import LoopDesk, LoopWaits
from events.protocol import PROTOCOLS, Reply


class LaneFull(Exception):
    """So many requests are under way that one more would grow memory or waiting."""


class FastLane:
    """Every POST of every endpoint of every protocol. `bodies` bounds the bytes of what is under way."""

    def __init__(self, bodies: Bodies) -> None:
        self._bodies = bodies
        self._desk = LoopDesk()
        self._ways = {
            f"/{endpoint.path}": (protocol, endpoint)
            for protocol in PROTOCOLS.values()
            for endpoint in protocol.endpoints
        }
        self.under_way = 0

    def takes(self, scope: Scope) -> bool:
        """The request is an upload; all others are Django's."""
        return scope["method"] == "POST" and scope["path"] in self._ways

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer an upload. Before anything was sent: LaneFull, or what reading a body raises."""
        with self._bodies.account() as account:
            body = await account.read(scope, receive)
            if self.under_way >= settings.CDP_INTAKE_WAITING_REQUESTS:
                raise LaneFull
            self.under_way += 1
            try:
                await self._answer(scope, body, account, send)
            finally:
                self.under_way -= 1

    async def _answer(self, scope: Scope, body: bytes, account: Account, send: Send) -> None:
        protocol, endpoint = self._ways[scope["path"]]
        headers, client = header_fields(scope["headers"]), scope.get("client")
        origin = Origin(request_id_of(headers), client[0] if client else "")
        waits = LoopWaits(self._desk, account)
        query = query_fields(scope["query_string"])
        reply = await take_in(waits, origin, protocol, endpoint, headers, query, body)
        await _send(send, reply, origin.request_id)

    async def close(self, wait_s: float) -> None:
        """Store what waits, for as long as it may take; then hold nothing."""
        await self._desk.close(wait_s)


async def _send(send: Send, reply: Reply, request_id: str) -> None:
    headers = [(b"content-length", b"%d" % len(reply.body)), (b"x-request-id", request_id.encode())]
    headers.extend([(name.lower().encode(), value.encode()) for name, value in reply.headers.items()])
    await send({"type": "http.response.start", "status": reply.status, "headers": headers})
    await send({"type": "http.response.body", "body": reply.body})
