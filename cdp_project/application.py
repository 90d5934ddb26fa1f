"""HTTP and sockets of the whole product: intake and pages through threads, sockets through Channels."""

from typing import Any

import structlog
from channels.auth import AuthMiddlewareStack
from channels.routing import URLRouter
from channels.security.websocket import AllowedHostsOriginValidator
from django.conf import settings
from django.core.handlers.exception import convert_exception_to_response
from django.core.handlers.wsgi import WSGIHandler

from cdp_project.console.routing import websocket_urlpatterns
from cdp_project.kernel.asgi_body import (
    Bodies,
    BodiesTooMany,
    BodyTooLarge,
    BodyTooSlow,
    ClientGone,
    Message,
    Receive,
    Scope,
    Send,
)
from cdp_project.kernel.asgi_wsgi import ThreadsBusy, WsgiThreads
from cdp_project.kernel.reporting import Reporter
from cdp_project.kernel.trace_context import Span, span_in
from events.fast_lane import FastLane, LaneFull
from events.ingest import LAST_COMMIT_WAIT_S, release, request_id_of
from events.intake.refusals import error_reply, too_large, too_slow, unavailable
from events.protocol import PROTOCOLS, IntakeRefusal, Reply

log = structlog.get_logger(__name__)

INTAKE_THREADS, PAGE_THREADS, HEALTH_THREADS = 16, 8, 2
REQUEST_ID, TRACEPARENT = b"x-request-id", b"traceparent"
HEALTH_PATHS = frozenset({"/healthz", "/readyz", "/metrics"})
BODY_SECONDS_MOST = 30.0
# Bodies under way together: intake has an account of its own, which nothing else can fill.
INTAKE_BODIES_BYTES_MOST, PAGE_BODIES_BYTES_MOST = 128_000_000, 32_000_000
# What a request ends with that nobody began to answer.
UNANSWERED = (BodyTooLarge, BodyTooSlow, BodiesTooMany, ThreadsBusy, LaneFull)
# A body may be gzip that is larger than what it holds.
GZIP_SLACK_BYTES = 64_000


class BareHandler(WSGIHandler):
    """Django without middleware, for what knows no session, no cookie and no page. A third less work a request."""

    def load_middleware(self, is_async: bool = False) -> None:  # noqa: ARG002 - Django's signature
        self._view_middleware: list[Any] = []
        self._template_response_middleware: list[Any] = []
        self._exception_middleware: list[Any] = []
        self._middleware_chain = convert_exception_to_response(self._get_response)  # type: ignore[attr-defined]


class Application:
    """Sends each kind of connection its way."""

    def __init__(self) -> None:
        # Threads of their own: slow pages cannot keep events out, and health answers while all others are busy.
        waiting_most = settings.CDP_INTAKE_WAITING_REQUESTS
        self._intake = WsgiThreads(BareHandler(), INTAKE_THREADS, "intake", waiting_most=waiting_most)
        self._pages = WsgiThreads(WSGIHandler(), PAGE_THREADS, "pages")
        self._health = WsgiThreads(BareHandler(), HEALTH_THREADS, "health")
        self._sockets = AllowedHostsOriginValidator(AuthMiddlewareStack(URLRouter(websocket_urlpatterns)))
        plain_most = max(protocol.request_bytes_most for protocol in PROTOCOLS.values())
        self._bodies = Bodies(plain_most + GZIP_SLACK_BYTES, BODY_SECONDS_MOST, INTAKE_BODIES_BYTES_MOST)
        page_most = settings.DATA_UPLOAD_MAX_MEMORY_SIZE
        self._page_bodies = Bodies(page_most, BODY_SECONDS_MOST, PAGE_BODIES_BYTES_MOST)
        self._lane = FastLane(self._bodies)
        self._intake_paths = {f"/{each.path}" for protocol in PROTOCOLS.values() for each in protocol.endpoints}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        match scope["type"]:
            case "http":
                await self._http(scope, receive, send)
            case "websocket":
                await self._sockets(scope, receive, send)
            case "lifespan":
                await self._lifespan(receive, send)

    async def _http(self, scope: Scope, receive: Receive, send: Send) -> None:
        span = _span_of(scope)
        is_upload = settings.CDP_FAST_LANE and self._lane.takes(scope)
        if is_upload and span is None:
            # The lane has the request's id in answers and log lines by itself: nothing is bound, nothing wrapped.
            await self._upload(scope, receive, send)
            return
        request_id = _identify(scope)
        trace = {} if span is None else {"trace_id": span.trace_id, "span_id": span.span_id}
        with structlog.contextvars.bound_contextvars(request_id=request_id, **trace):
            way = self._upload if is_upload else self._answer
            await way(scope, receive, _echoing(send, request_id, span))

    async def _upload(self, scope: Scope, receive: Receive, send: Send) -> None:
        try:
            await self._lane(scope, receive, send)
        except ClientGone:
            return
        except UNANSWERED as problem:
            request_id = _identify(scope)
            with structlog.contextvars.bound_contextvars(request_id=request_id):
                await _refuse(_echoing(send, request_id), problem, self._bodies)

    async def _answer(self, scope: Scope, receive: Receive, send: Send) -> None:
        threads = self._threads_for(scope["path"])
        bodies = self._bodies if threads is self._intake else self._page_bodies
        try:
            with bodies.account() as account:
                await threads(scope, await account.read(scope, receive), send)
        except ClientGone:
            return
        except UNANSWERED as problem:
            await _refuse(send, problem, bodies)

    def _threads_for(self, path: str) -> WsgiThreads:
        if path in self._intake_paths:
            return self._intake
        return self._health if path in HEALTH_PATHS else self._pages

    async def _lifespan(self, receive: Receive, send: Send) -> None:
        await receive()
        reporter = Reporter("web").start()
        await send({"type": "lifespan.startup.complete"})
        log.info("worker started", worker="web")
        await receive()
        await self.close()
        reporter.stop()
        await send({"type": "lifespan.shutdown.complete"})

    async def close(self) -> None:
        """Let what is under way end, store what waits, hold nothing any more."""
        for threads in (self._intake, self._pages, self._health):
            threads.close()
        await self._lane.close(LAST_COMMIT_WAIT_S)
        release(LAST_COMMIT_WAIT_S)


async def _refuse(send: Send, problem: Exception, bodies: Bodies) -> None:
    await _send(send, error_reply(_refusal(problem, bodies.bytes_most)))


def _refusal(problem: Exception, bytes_most: int) -> IntakeRefusal:
    match problem:
        case BodyTooLarge():
            return too_large(f"The body has more than {bytes_most} bytes; send less at once.")
        case BodyTooSlow():
            return too_slow()
        case _:
            return unavailable("Too many requests are under way; send the same again.", after_s=1)


def _identify(scope: Scope) -> str:
    """The request's id, which from here on stands in its headers: the client's own when sane, else a new one."""
    given = [value for name, value in scope["headers"] if name == REQUEST_ID]
    request_id = request_id_of({REQUEST_ID.decode(): given[0].decode("latin-1")} if len(given) == 1 else {})
    others = [field for field in scope["headers"] if field[0] != REQUEST_ID]
    scope["headers"] = [*others, (REQUEST_ID, request_id.encode())]
    return request_id


def _span_of(scope: Scope) -> Span | None:
    given = [value for name, value in scope["headers"] if name == TRACEPARENT]
    return span_in(given[0].decode("latin-1")) if len(given) == 1 else None


def _echoing(send: Send, request_id: str, span: Span | None = None) -> Send:
    """Adds X-Request-Id to the answer unless it has one, and our span in the client's trace."""
    trace = [] if span is None else [(TRACEPARENT, span.traceparent.encode())]

    async def echoing(message: Message) -> None:
        if message["type"] == "http.response.start":
            has_id = any(name == REQUEST_ID for name, _ in message["headers"])
            message["headers"] = [*message["headers"], *([] if has_id else [(REQUEST_ID, request_id.encode())]), *trace]
        await send(message)

    return echoing


async def _send(send: Send, reply: Reply) -> None:
    """Answer without reading on; the connection ends, or the rest of the body would be taken for a request."""
    log.info("request refused before it was read", status=reply.status)
    fields: dict[str, Any] = {**reply.headers, "Content-Length": len(reply.body), "Connection": "close"}
    headers = [(name.lower().encode(), str(value).encode()) for name, value in fields.items()]
    await send({"type": "http.response.start", "status": reply.status, "headers": headers})
    await send({"type": "http.response.body", "body": reply.body})
