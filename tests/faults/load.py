"""A bounded load of single-event batches that behaves as careful clients do: it repeats what got no 2xx."""

import http.client
import json
import random
import threading
import time
from base64 import b64encode
from dataclasses import dataclass, field

from tests.product import Credentials

TIMEOUT_S = 15
PAUSE_S = 0.05
TRIES_S = 60.0


@dataclass
class Load:
    """Threads that send until `stop`, at most `most` batches and `seconds` long.

    `acknowledged` holds the request ids that got a 202, `begun` counts tries that met an open door,
    `unanswered` all that ended without any answer.
    """

    credentials: Credentials
    run: str
    most: int = 3000
    seconds: float = 60.0
    threads: int = 8
    people: int = 50
    acknowledged: list[str] = field(default_factory=list)
    refused: list[int] = field(default_factory=list)
    begun: int = 0
    unanswered: int = 0
    gave_up: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self._lock = threading.Lock()
        self._next = 0
        self._stopping = threading.Event()
        self._ends_at = time.monotonic() + self.seconds
        self._workers = [threading.Thread(target=self._work, daemon=True) for _ in range(self.threads)]
        secret = f"{self.credentials.server_key}:{self.credentials.server_secret}"
        self._headers = {
            "Authorization": "Basic " + b64encode(secret.encode()).decode(),
            "Content-Type": "application/json",
        }

    def start(self) -> "Load":
        for worker in self._workers:
            worker.start()
        return self

    def stop(self) -> None:
        """Let every batch that was begun come to its end, then return."""
        self._stopping.set()
        self.stop_when_done()

    def stop_when_done(self) -> None:
        """Return when all batches were sent or the time is over."""
        for worker in self._workers:
            worker.join(self.seconds + TRIES_S + TIMEOUT_S)
            assert not worker.is_alive()

    def _work(self) -> None:
        while not self._stopping.is_set() and time.monotonic() < self._ends_at:
            with self._lock:
                number, self._next = self._next, self._next + 1
            if number >= self.most:
                return
            self._send(f"{self.run}-{number}")

    def _send(self, request_id: str) -> None:
        body = json.dumps(self._batch(request_id))
        give_up_at = time.monotonic() + TRIES_S
        while time.monotonic() < give_up_at:
            status = self._try(body)
            if status == 202:
                self.acknowledged.append(request_id)
                return
            with self._lock:
                if status is None:
                    self.unanswered += 1
                else:
                    self.refused.append(status)
            time.sleep(PAUSE_S)
        self.gave_up.append(request_id)

    def _try(self, body: str) -> int | None:
        host = self.credentials.base_url.removeprefix("http://")
        connection = http.client.HTTPConnection(host, timeout=TIMEOUT_S)
        try:
            connection.connect()
            with self._lock:
                self.begun += 1
            connection.request("POST", "/v2/events", body, self._headers)
            return connection.getresponse().status
        except (OSError, http.client.HTTPException):
            return None
        finally:
            connection.close()

    def _batch(self, request_id: str) -> dict[str, object]:
        person = f"{self.run}-person-{random.randrange(self.people)}"
        return {
            "source_request_id": request_id,
            "user_identities": {"customer_id": person},
            "events": [
                {
                    "event_type": "custom_event",
                    "data": {
                        "event_name": "Load",
                        "custom_event_type": "other",
                        "custom_attributes": {"request": request_id, "n": request_id.rpartition("-")[2]},
                    },
                }
            ],
        }
