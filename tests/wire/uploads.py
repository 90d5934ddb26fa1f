"""Uploads over raw sockets, and what of them was stored."""

import json
from collections.abc import Mapping
from dataclasses import dataclass

from events.models import InboxRow
from tests.events.conftest import basic
from tests.shop import Shop, batch, custom_event
from tests.wire.web import Answer, Line, Web, request

GOOD = json.dumps(batch(custom_event(), customer="u-1")).encode()
EVENTS, BULK = "/v2/events", "/v2/bulkevents"


@dataclass
class Uploads:
    """One input's client that knows its key and little else."""

    web: Web
    shop: Shop

    @property
    def headers(self) -> dict[str, str]:
        authorization = basic(self.shop.key.key, self.shop.key.secret)
        return {"Authorization": authorization, "Content-Type": "application/json"}

    def bytes_of(self, body: bytes = GOOD, path: str = EVENTS, headers: Mapping[str, str] | None = None) -> bytes:
        """The whole request."""
        return request("POST", path, body, {**self.headers, **(headers or {})})

    def head(self, **headers: str) -> bytes:
        """A head alone, with these headers in place of a length."""
        fields = {
            "Host": "127.0.0.1",
            **self.headers,
            **{name.replace("_", "-"): value for name, value in headers.items()},
        }
        told = "".join(f"{name}: {value}\r\n" for name, value in fields.items())
        return f"POST {EVENTS} HTTP/1.1\r\n{told}\r\n".encode()

    def stored(self) -> int:
        """Batches in the inbox."""
        return InboxRow.objects.count()

    def still_work(self, line: Line | None = None) -> None:
        """A good upload is taken, over this connection or a new one."""
        before = self.stored()
        line = line or self.web.line()
        line.send(self.bytes_of())
        answer = line.answer()
        assert answer is not None
        assert answer.status == 202
        assert self.stored() == before + 1


def refused(answer: Answer | None, *statuses: int) -> None:
    """A refusal that helps: a code, a sentence, in all spellings."""
    assert answer is not None
    assert answer.status in statuses, answer
    said = answer.json
    assert said["errors"] == said["Errors"] == [{"code": said["code"], "message": said["message"]}]
    assert said["code"].isupper()
    assert " " in said["message"]
    assert len(said["message"]) < 500
    assert answer.headers["x-request-id"]
