"""The fast lane and the views answer and store alike, whatever is uploaded to whichever protocol."""

import asyncio
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import pytest
import redis
import uvloop
from pytest_django import Settings

from cdp_project.application import Application
from cdp_project.kernel import clock
from events import ingest
from events.intake.issuing import issue_key
from events.models import InboxRow, Input, InputKey
from tests import factories
from tests.cdp_project.asgi_client import Answer, Pieces, scope_of
from tests.conformance.lane_requests import Shown, Upload, uploads

CASES_LEAST = 300
# What clients act on. More than these is compared too: both ways must have the same headers.
CONTRACT_HEADERS = (
    "content-type",
    "content-length",
    "retry-after",
    "www-authenticate",
    "allow",
    "accept-encoding",
    "x-mp-rate-limit-exceeded",
    "x-mp-rate-limit-percentage-used",
    "x-request-id",
    "connection",
)
UUID = re.compile(rb"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}")
MADE_ID = re.compile(r"[0-9a-f]{32}")
TRACE = re.compile(r"(00-[0-9a-f]{32}-)[0-9a-f]{16}(-0[01])")


@dataclass(frozen=True)
class Outcome:
    """What one upload came to, without what differs from time to time."""

    status: int
    body: bytes
    headers: dict[str, str]
    rows: list[dict[str, Any]]


@pytest.fixture
def shown(transactional_db: None, feed: Input) -> Iterator[Shown]:
    """Credentials of all kinds: in order, expired, foreign, of inputs that are off or have a limit."""
    now = clock.now()
    ingest.release()
    pairs = {name: issue_key(source, now) for name, source in _inputs(feed).items()}
    mixed = {"foreign secret": (pairs["key"].key, pairs["other"].secret)}
    InputKey.objects.filter(key=pairs["expired"].key).update(expires_at=now - timedelta(seconds=1))
    yield Shown.of({name: (issued.key, issued.secret) for name, issued in pairs.items()} | mixed)
    ingest.release()


def _inputs(feed: Input) -> dict[str, Input]:
    off, limited = factories.feed(feed.workspace, "Off"), factories.feed(feed.workspace, "Limited")
    off.is_active = False
    limited.batches_per_second_most, limited.acceleration_most = 2, 100
    for source in (off, limited):
        source.save()
    other = factories.feed(factories.workspace())
    return {"key": feed, "expired": feed, "other": other, "off": off, "limited": limited}


def outcomes(sent: Sequence[Upload], shown: Shown, settings: Settings, *, by_lane: bool) -> list[Outcome]:
    """What becomes of the uploads, one after the other, for a process that knows nothing yet."""
    settings.CDP_FAST_LANE = by_lane
    ingest.release()
    forget_counts(settings.REDIS_URL)
    application = Application()
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        try:
            return [_outcome(runner.run(_answer(application, upload, shown))) for upload in sent]
        finally:
            runner.run(application.close())


async def _answer(application: Application, upload: Upload, shown: Shown) -> Answer:
    headers = {"authorization": shown.headers[upload.shows]} if shown.headers[upload.shows] else {}
    scope = scope_of(upload.method, upload.path, headers, upload.query)
    scope["headers"].extend(upload.fields)
    answer = Answer()
    await application(scope, Pieces(_pieces(upload.body)), answer.take)
    return answer


def _outcome(answer: Answer) -> Outcome:
    return Outcome(answer.status, UUID.sub(b"<id>", answer.body), _compared(answer), _rows())


def _pieces(body: bytes) -> list[bytes]:
    """As servers hand bodies on."""
    return [body[start : start + 65_536] for start in range(0, len(body), 65_536)] or [b""]


def _compared(answer: Answer) -> dict[str, str]:
    headers = {name: TRACE.sub(r"\1<span>\2", value) for name, value in answer.headers.items()}
    if MADE_ID.fullmatch(headers["x-request-id"]):
        headers["x-request-id"] = "<made>"
    return headers


def _rows() -> list[dict[str, Any]]:
    """What was stored, in its order, without numbers and ids; it is gone afterwards."""
    rows: list[dict[str, Any]] = [dict(row) for row in InboxRow.objects.order_by("accept_seq").values()]
    InboxRow.objects.all().delete()
    for row in rows:
        del row["accept_seq"], row["batch_id"]
        row["body"] = bytes(row["body"])
    return rows


def forget_counts(url: str) -> None:
    client = redis.Redis.from_url(url)
    for key in client.scan_iter("rate:*"):
        client.delete(key)
    client.close()


@pytest.fixture
def sent(shown: Shown, monkeypatch: pytest.MonkeyPatch) -> list[Upload]:
    # Batches that name nobody go to a lane by chance.
    monkeypatch.setattr("events.intake.admission.secrets.randbelow", lambda _most: 7)
    return list(uploads(shown.headers))


@pytest.mark.timeout(300)
def test_the_fast_lane_and_the_views_do_the_same(shown: Shown, sent: list[Upload], settings: Settings) -> None:
    with clock.frozen(clock.now()):
        fast = outcomes(sent, shown, settings, by_lane=True)
        views = outcomes(sent, shown, settings, by_lane=False)

    differing = [
        (upload.name, upload.method, upload.path, upload.query[:80], lane, view)
        for upload, lane, view in zip(sent, fast, views, strict=True)
        if lane != view
    ]
    assert differing == []
    assert len(sent) >= CASES_LEAST
    # That they agree says nothing if they agree to refuse everything.
    statuses = {outcome.status for outcome in fast}
    assert statuses >= {202, 400, 401, 403, 405, 413, 415, 429}
    assert all(status < 500 for status in statuses)
    told = set().union(*(outcome.headers for outcome in fast))
    assert told >= set(CONTRACT_HEADERS)
    assert all(outcome.rows == [] for outcome in fast if outcome.status != 202)
