"""How many processes of one kind are alive, told over Valkey, so that they can share work evenly.

A courtesy, never needed for correctness: without Valkey every process believes that it is alone.
"""

import time
from uuid import uuid4

import redis
import structlog
from django.conf import settings

log = structlog.get_logger(__name__)

SEEN_FOR_S = 5.0


class Presence:
    """Of one process. `refresh` at least every two seconds; it may block for a second when Valkey is sick."""

    def __init__(self, name: str) -> None:
        self._key = f"presence:{name}"
        self._me = uuid4().hex
        self._client = redis.Redis.from_url(settings.REDIS_URL, socket_connect_timeout=1, socket_timeout=1)
        self.count = 1

    def refresh(self) -> None:
        """Say that we are here, and count who else is; `count` has the answer."""
        now = time.time()
        try:
            with self._client.pipeline(transaction=False) as pipeline:
                pipeline.zadd(self._key, {self._me: now})
                pipeline.zcount(self._key, now - SEEN_FOR_S, "+inf")
                pipeline.zremrangebyscore(self._key, "-inf", now - 60 * SEEN_FOR_S)
                _, count, _ = pipeline.execute()
            self.count = max(1, count)
        except redis.RedisError as error:
            log.debug("presence unknown", error=str(error))
            self.count = 1

    def leave(self) -> None:
        """Say that we are gone."""
        try:
            self._client.zrem(self._key, self._me)
        except redis.RedisError as error:
            log.debug("presence not taken back", error=str(error))
        self._client.close()
