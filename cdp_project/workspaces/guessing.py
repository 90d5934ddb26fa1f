"""A brake on guessing secrets: failures a minute per client or user, and per address; in Valkey, open without it."""

from hashlib import sha256

import redis
import structlog
from django.core.cache import cache

log = structlog.get_logger(__name__)

WINDOW_S = 60
FAILURES_PER_CLIENT = 10
# Wider, because a proxy in front gives many clients one address.
FAILURES_PER_ADDRESS = 100


def is_braked(client_id: str, address: str) -> bool:
    """Too many failures in the last minute: refuse without looking."""
    most = _limits(client_id, address)
    try:
        counts = cache.get_many(most)
    except redis.RedisError as error:
        log.warning("guessing is not counted", error=str(error))
        return False
    return any(int(counts.get(key, 0)) >= limit for key, limit in most.items())


def count_failure(client_id: str, address: str) -> None:
    """Note a wrong pair."""
    try:
        for key in _limits(client_id, address):
            cache.add(key, 0, WINDOW_S)
            cache.incr(key)
    except (redis.RedisError, ValueError) as error:
        # ValueError: the minute ended between the two calls.
        log.warning("guessing is not counted", error=str(error))


def _limits(client_id: str, address: str) -> dict[str, int]:
    client = sha256(f"{address} {client_id}".encode("utf-8", "surrogatepass")).hexdigest()
    return {f"guess:client:{client}": FAILURES_PER_CLIENT, f"guess:address:{address}": FAILURES_PER_ADDRESS}
