"""Intake as its clients see it, on a feed with a key of its own."""

import base64
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import pytest

from cdp_project.kernel import clock
from events import ingest
from events.intake.issuing import IssuedKey, issue_key
from events.models import InboxRow, Input
from events.protocol import PROTOCOLS, Reply


@dataclass
class Intake:
    """One input, and what clients do to it."""

    source: Input
    key: IssuedKey = field(init=False)

    def __post_init__(self) -> None:
        self.key = issue_key(self.source, clock.now())

    @property
    def authorization(self) -> str:
        return basic(self.key.key, self.key.secret)

    def post(
        self,
        body: Any,
        path: str = "v2/events",
        headers: Mapping[str, str] | None = None,
        query: Mapping[str, str] | None = None,
    ) -> Reply:
        """Upload through the one entrance. Bytes go as they are, anything else as JSON."""
        protocol = PROTOCOLS["mparticle"]
        endpoint = next(each for each in protocol.endpoints if each.path == path)
        sent = body if isinstance(body, bytes) else json.dumps(body).encode()
        fields = {"authorization": self.authorization, **(headers or {})}
        return ingest.accept(protocol, endpoint, fields, query or {}, sent, "203.0.113.7")

    def stored(self) -> list[InboxRow]:
        """What waits in the inbox, in the order of acceptance."""
        return list(InboxRow.objects.order_by("accept_seq"))


def basic(key: str, secret: str) -> str:
    """An Authorization header."""
    return "Basic " + base64.b64encode(f"{key}:{secret}".encode()).decode()


def error_of(reply: Reply) -> tuple[int, str, str]:
    """Status, code and message of a refusal, after a look at all spellings of the body."""
    body = json.loads(reply.body)
    assert body["errors"] == body["Errors"] == [{"code": body["code"], "message": body["message"]}]
    return reply.status, body["code"], body["message"]


@pytest.fixture
def intake(transactional_db: None, feed: Input) -> Iterator[Intake]:
    """A server feed with a key; nothing is known to the process from tests before."""
    ingest.release()
    yield Intake(feed)
    ingest.release()
