"""`GET /metrics` for Prometheus: for the operator alone, and without waiting for a sick store."""

import threading
from collections.abc import Iterable
from concurrent.futures import Future, ThreadPoolExecutor
from ipaddress import ip_address
from time import monotonic

from django.conf import settings
from django.http import Http404, HttpRequest, HttpResponse
from django.views.decorators.http import require_safe
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest
from prometheus_client.core import Metric
from prometheus_client.registry import Collector, CollectorRegistry

from cdp_project.kernel import secretbox
from cdp_project.operation.figures import figures

# Scrapers as many as there may be: the database is asked once in this time by each web process.
KEPT_S = 5.0
ANSWER_WITHIN_S = 8.0
AWAY = "# The figures could not be read in time.\n# TYPE tributary_database_up gauge\ntributary_database_up 0.0\n"
THROUGH_OTHERS = ("X-Forwarded-For", "Forwarded", "X-Real-Ip", "Via")
OWN_NAMES = {"localhost", "127.0.0.1", "::1"}


class _Reading(Collector):
    """Reads everything each time it is asked."""

    def collect(self) -> Iterable[Metric]:
        return figures()


class _Figures:
    """The text, read again when it is older than `KEPT_S`, by one thread however many ask."""

    def __init__(self) -> None:
        self._reader = ThreadPoolExecutor(1, thread_name_prefix="metrics")
        self._lock = threading.Lock()
        self._reading: Future[bytes] | None = None
        self._begun_at = 0.0

    def text(self) -> bytes:
        """Raises TimeoutError when it takes too long; the reading goes on, and the next who asks waits for the same."""
        with self._lock:
            is_over = self._reading is None or self._reading.done()
            if is_over and monotonic() - self._begun_at > KEPT_S:
                self._begun_at = monotonic()
                self._reading = self._reader.submit(_read)
            reading = self._reading
        return reading.result(ANSWER_WITHIN_S) if reading else b""

    def forget(self) -> None:
        """Read anew at the next call."""
        with self._lock:
            self._begun_at = 0.0


_figures = _Figures()
forget = _figures.forget


def _read() -> bytes:
    registry = CollectorRegistry(auto_describe=False)
    registry.register(_Reading())
    return generate_latest(registry)


@require_safe
def metrics(request: HttpRequest) -> HttpResponse:
    """The figures as text; 403 with a wrong token, 404 to strangers where there is no token."""
    if settings.CDP_METRICS_TOKEN:
        if not _shows_token(request):
            return HttpResponse(
                "Send Authorization: Bearer with the value of CDP_METRICS_TOKEN.\n", "text/plain", status=403
            )
    elif not _is_from_here(request):
        raise Http404
    try:
        return HttpResponse(_figures.text(), CONTENT_TYPE_LATEST)
    except TimeoutError:
        return HttpResponse(AWAY, CONTENT_TYPE_LATEST)


def _shows_token(request: HttpRequest) -> bool:
    scheme, _, token = request.headers.get("Authorization", "").partition(" ")
    shown, wanted = (secretbox.fingerprint(each.strip()) for each in (token, settings.CDP_METRICS_TOKEN))
    return scheme.lower() == "bearer" and secretbox.same(shown, wanted)


def _is_from_here(request: HttpRequest) -> bool:
    """From this machine, by nobody's mediation: neither a proxy's nor that of a page in a browser of this machine."""
    try:
        is_loopback = ip_address(request.META.get("REMOTE_ADDR", "")).is_loopback
    except ValueError:
        return False
    host = request.META.get("HTTP_HOST", "").rpartition(":")[0] or request.META.get("HTTP_HOST", "")
    is_asked_by_address = host.strip("[]").lower() in OWN_NAMES
    return is_loopback and is_asked_by_address and not any(name in request.headers for name in THROUGH_OTHERS)
