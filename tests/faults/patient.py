"""Clients that send one event after the other for a person of their own, and note whatever is not a 202."""

import http.client
import json
import threading
import time
from base64 import b64encode
from dataclasses import dataclass, field

from tests.product import Credentials

TIMEOUT_S = 20
# The point is what happens to each, not how many there are.
PAUSE_S = 0.02


@dataclass
class Patient:
    """`keeps` reuses one connection as long as the server lets it; else every event comes by one of its own.

    `answers` are the times of the answers, by the monotonic clock; `faults` all that went wrong. Nothing is repeated.
    """

    credentials: Credentials
    person: str
    keeps: bool
    answers: list[float] = field(default_factory=list)
    faults: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._work, daemon=True)
        self._connection = self._new_connection()
        secret = f"{self.credentials.server_key}:{self.credentials.server_secret}"
        self._headers = {
            "Authorization": "Basic " + b64encode(secret.encode()).decode(),
            "Content-Type": "application/json",
        }

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        """Return when the event under way was answered."""
        self._over.set()
        self._thread.join(2 * TIMEOUT_S)
        assert not self._thread.is_alive()
        self._connection.close()

    @property
    def longest_gap_s(self) -> float:
        return max((later - sooner for sooner, later in zip(self.answers, self.answers[1:], strict=False)), default=0.0)

    def _new_connection(self) -> http.client.HTTPConnection:
        return http.client.HTTPConnection(self.credentials.base_url.removeprefix("http://"), timeout=TIMEOUT_S)

    def _work(self) -> None:
        number = 0
        while not self._over.wait(PAUSE_S) and not self.faults:
            try:
                self._send(number)
            except (OSError, http.client.HTTPException) as error:
                self.faults.append(f"{self.person} {number}: {error!r}")
            number += 1

    def _send(self, number: int) -> None:
        if not self.keeps:
            self._connection.close()
            self._connection = self._new_connection()
        self._connection.request("POST", "/v2/events", json.dumps(_batch(self.person, number)), self._headers)
        answer = self._connection.getresponse()
        answer.read()
        self.answers.append(time.monotonic())
        if answer.status != 202:
            self.faults.append(f"{self.person} {number}: {answer.status}")


def _batch(person: str, number: int) -> dict[str, object]:
    data = {"event_name": "Patience", "custom_event_type": "other", "custom_attributes": {"n": number}}
    return {
        "source_request_id": f"{person}-{number}",
        "user_identities": {"customer_id": person},
        "events": [{"event_type": "custom_event", "data": data}],
    }
