"""How many requests a minute a credential may make of our own API: counted in Valkey, open without it."""

import time
from dataclasses import dataclass
from functools import cache
from typing import Any

import redis
import structlog
from django.conf import settings
from rest_framework.request import Request
from rest_framework.throttling import BaseThrottle

from cdp_project.kernel import clock

log = structlog.get_logger(__name__)

WINDOW_S = 60
TIMEOUT_S = 0.25
AVOIDED_S = 1.0  # so that a Valkey that hangs costs one time-out a second, not one a request


@dataclass(frozen=True, slots=True)
class Budget:
    """Where a credential stands in the minute that `reset_s` more seconds are left of."""

    limit: int
    used: int
    reset_s: int

    @property
    def headers(self) -> dict[str, str]:
        """For the answer, whatever it is."""
        return {
            "RateLimit-Limit": str(self.limit),
            "RateLimit-Remaining": str(max(0, self.limit - self.used)),
            "RateLimit-Reset": str(self.reset_s),
        }


@dataclass
class _Health:
    """Until when Valkey is left alone after it failed."""

    avoid_until: float = 0.0


_health = _Health()


class RequestBudget(BaseThrottle):
    """429 beyond CDP_API_REQUESTS_PER_MINUTE; `budget_of` tells the standing afterwards."""

    def allow_request(self, request: Request, view: Any) -> bool:  # noqa: ARG002 - DRF's signature
        limit: int = settings.CDP_API_REQUESTS_PER_MINUTE
        if not limit or request.auth is None:
            return True
        self._budget = take(request.auth.pk, limit)
        request._request.META[_STANDING] = self._budget
        return self._budget is None or self._budget.used <= limit

    def wait(self) -> float | None:
        """Seconds until it may go on."""
        return None if self._budget is None else float(self._budget.reset_s)


_STANDING = "tributary.request_budget"


def budget_of(meta: dict[str, object]) -> Budget | None:
    """Where the caller of a request stands; None when nobody counted."""
    found = meta.get(_STANDING)
    return found if isinstance(found, Budget) else None


def take(credential_id: int, limit: int) -> Budget | None:
    """Count a request; None when Valkey is away."""
    if time.monotonic() < _health.avoid_until:
        return None
    minute, second = divmod(int(clock.now().timestamp()), WINDOW_S)
    key = f"api-requests:{credential_id}:{minute}"
    try:
        with _client(settings.REDIS_URL).pipeline(transaction=False) as both:
            both.incr(key)
            both.expire(key, 2 * WINDOW_S)
            used, _ = both.execute()
    except redis.RedisError as error:
        _health.avoid_until = time.monotonic() + AVOIDED_S
        log.warning("requests of the API are not counted", error=str(error))
        return None
    return Budget(limit, int(used), WINDOW_S - second)


@cache
def _client(url: str) -> "redis.Redis":
    return redis.Redis.from_url(url, socket_connect_timeout=TIMEOUT_S, socket_timeout=TIMEOUT_S)
