"""Wake-up hints between processes over Valkey. A lost hint costs one idle poll, never data."""

import threading
import time

import redis
import structlog
from django.conf import settings

log = structlog.get_logger(__name__)

HINT_EVERY_S = 0.01
RECONNECT_S = 1.0


def _client() -> "redis.Redis":
    return redis.Redis.from_url(settings.REDIS_URL, socket_connect_timeout=1, socket_timeout=5)


class Waker:
    """Sends at most one hint per 10 ms and channel from this process; the last one is never swallowed."""

    def __init__(self) -> None:
        self._pending: set[str] = set()
        self._signal = threading.Event()
        self._lock = threading.Lock()
        self._thread: threading.Thread | None = None

    def hint(self, channel: str) -> None:
        """Ask that whoever waits on `channel` looks for work. Call after the commit. Never blocks, never fails."""
        with self._lock:
            self._pending.add(channel)
            if self._thread is None or not self._thread.is_alive():
                self._thread = threading.Thread(target=self._run, name="waker", daemon=True)
                self._thread.start()
        self._signal.set()

    def _run(self) -> None:
        client = _client()
        while True:
            self._signal.wait()
            self._signal.clear()
            with self._lock:
                channels, self._pending = self._pending, set()
            try:
                for channel in channels:
                    client.publish(f"wake:{channel}", b"1")
            except redis.RedisError as error:
                log.debug("hint lost", error=str(error))
            time.sleep(HINT_EVERY_S)


class Waiter:
    """Waits for hints on one channel."""

    def __init__(self, channel: str) -> None:
        self._channel = f"wake:{channel}"
        self._subscription: redis.client.PubSub | None = None

    def wait(self, seconds: float) -> None:
        """Return when a hint came or the time is over; without Valkey simply after the time."""
        deadline = time.monotonic() + seconds
        try:
            self._receive(seconds)
        except redis.RedisError:
            self.close()
            time.sleep(max(0.0, min(deadline - time.monotonic(), RECONNECT_S)))

    def _receive(self, seconds: float) -> None:
        deadline = time.monotonic() + seconds
        if self._subscription is None:
            self._subscription = _client().pubsub(ignore_subscribe_messages=True)  # type: ignore[no-untyped-call]
            self._subscription.subscribe(self._channel)
        while (left := deadline - time.monotonic()) > 0:
            if self._subscription.get_message(timeout=left) is not None:
                self._drain()
                return

    def _drain(self) -> None:
        if self._subscription is not None:
            while self._subscription.get_message(timeout=0) is not None:
                pass

    def close(self) -> None:
        """Give the connection back."""
        if self._subscription is not None:
            self._subscription.close()
            self._subscription = None


waker = Waker()
"""The process's own."""
