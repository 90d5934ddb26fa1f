"""How many processes of one kind are alive, told over Valkey, so that they can share work evenly.

A courtesy, never needed for correctness: without Valkey every process believes that it is alone.
"""

import threading
from uuid import uuid4

import redis
import structlog
from django.conf import settings

from cdp_project.kernel.buckets import digest

log = structlog.get_logger(__name__)

REFRESH_EVERY_S = 1.0
SEEN_FOR_S = 5.0


def installation() -> str:
    """What sets our keys apart from those of other installations that share the server."""
    database = settings.DATABASES["default"]
    return digest(*(str(database[part]) for part in ("HOST", "PORT", "NAME"))).hex()[:12]


class Presence:
    """Of one process: between `start` and `leave` it says every second that it is here, in a thread of its own."""

    def __init__(self, name: str) -> None:
        self._stopping = threading.Event()
        self._key = f"presence:{installation()}:{name}"
        self._me = uuid4().hex
        self._client = redis.Redis.from_url(settings.REDIS_URL, socket_connect_timeout=1, socket_timeout=1)
        self.count = 1

    def start(self) -> None:
        """Be counted, and count the others, from now on."""
        threading.Thread(target=self._run, name="presence", daemon=True).start()

    def _run(self) -> None:
        while not self._stopping.is_set():
            self.refresh()
            self._stopping.wait(REFRESH_EVERY_S)

    def refresh(self) -> None:
        """Say that we are here, and count who else is; `count` has the answer."""
        try:
            # The server's clock: those of several machines lie apart.
            seconds, microseconds = self._client.time()
            now = seconds + microseconds / 1e6
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
        self._stopping.set()
        try:
            self._client.zrem(self._key, self._me)
        except redis.RedisError as error:
            log.debug("presence not taken back", error=str(error))
        self._client.close()
