"""Bodies that cannot be used, over real sockets by both paths of the intake: refused in words, and nothing stored."""

import gzip
import json
import zlib
from datetime import timedelta
from typing import Any

import pytest

from cdp_project.kernel import clock
from events.models import InputKey
from tests import factories
from tests.events.conftest import basic
from tests.shop import Shop, batch, custom_event
from tests.wire.uploads import BULK, EVENTS, GOOD, Uploads, refused
from tests.wire.web import Web

MB = 1_000_000


def with_attributes(text: bytes) -> bytes:
    return b'{"user_identities":{"customer_id":"u-1"},"events":[],"user_attributes":{' + text + b"}}"


def bomb(inflated_mb: int) -> bytes:
    """Gzip that holds a thousand times its size. Its check sum is wrong, which nobody lives to see."""
    packer = zlib.compressobj(9, zlib.DEFLATED, 31)
    head = packer.compress(b"") + packer.flush(zlib.Z_FULL_FLUSH)
    piece = packer.compress(b" " * MB) + packer.flush(zlib.Z_FULL_FLUSH)
    return head + piece * inflated_mb


BAD: dict[str, tuple[bytes, int]] = {
    "truncated": (GOOD[:-7], 400),
    "empty": (b"", 400),
    "blank": (b" \n", 400),
    "null": (b"null", 400),
    "a text": (b'"events"', 400),
    "events of the wrong type": (b'{"events":{}}', 400),
    "an event of the wrong type": (b'{"events":[7]}', 400),
    "attributes of the wrong type": (b'{"user_attributes":[]}', 400),
    "300 kB": (with_attributes(b'"a":"' + b"x" * 300_000 + b'"'), 413),
    "300 kB of blanks": (b" " * 300_000, 413),
    "2 MB": (b"[" + b"1," * MB + b"1]", 413),
    "deep lists": (with_attributes(b'"a":' + b"[" * 100_000), 400),
    "deep objects": (with_attributes(b'"a":' + b'{"a":' * 20_000), 400),
    "deep and closed": (with_attributes(b'"a":' + b"[" * 50_000 + b"]" * 50_000), 400),
    "raw NUL": (with_attributes(b'"a":"\0"'), 400),
    "no UTF-8": (with_attributes(b'"a":"\xff"'), 400),
    "a surrogate in UTF-8": (with_attributes(b'"a":"\xed\xa0\x80"'), 400),
    "beyond double": (with_attributes(b'"a":1e999'), 400),
    "NaN": (with_attributes(b'"a":NaN'), 400),
    "two values": (GOOD + GOOD, 400),
    "a million keys": (with_attributes(b",".join(b'"%d":1' % number for number in range(MB))), 413),
}
# What can be mended is taken, and the violation noted.
MENDED: dict[str, bytes] = {
    "NUL as escape": with_attributes(rb'"a\u0000":"\u0000"'),
    "lone surrogates": with_attributes(rb'"\ud800":"\udc00x"'),
    "400 digits": with_attributes(b'"a":1' + b"0" * 400),
    "a huge exponent that fits": with_attributes(b'"a":1e308,"b":-1e-400'),
    "the same key twice": with_attributes(b'"a":1,"a":2'),
    "ten thousand keys": with_attributes(b",".join(b'"%d":1' % number for number in range(10_000))),
}


def test_each_is_refused_in_words_and_none_is_stored(uploads: Uploads, web: Web) -> None:
    with web.bounded(150):
        for what, (body, status) in BAD.items():
            for given, headers in ((body, {}), (gzip.compress(body, 1), {"Content-Encoding": "gzip"})):
                answer = web.ask(uploads.bytes_of(given, EVENTS, headers))
                assert answer is not None, what
                refused(answer, status)
    assert uploads.stored() == 0
    uploads.still_work()


def test_requests_after_a_refused_one_are_served_on_the_same_connection(uploads: Uploads, web: Web) -> None:
    for what, (body, status) in BAD.items():
        line = web.line()
        line.send(uploads.bytes_of(body))
        answer = line.answer()
        refused(answer, status)
        if answer is not None and answer.headers.get("connection") == "close":
            # Its rest is never taken for a request.
            assert line.is_ended(), what
        else:
            uploads.still_work(line)


def test_what_can_be_mended_is_stored_and_processed(uploads: Uploads, web: Web, shop: Shop) -> None:
    with web.bounded(100):
        for what, body in MENDED.items():
            answer = web.ask(uploads.bytes_of(body))
            assert (answer is not None and answer.status) == 202, (what, answer)
    assert uploads.stored() == len(MENDED)
    shop.drain()
    assert shop.rows("quarantine") == []
    assert len(shop.rows("batch")) == len(MENDED)


def test_in_a_bulk_a_bad_batch_is_put_aside_and_the_others_are_stored(uploads: Uploads, web: Web, shop: Shop) -> None:
    usable = {what: body for what, (body, status) in BAD.items() if status == 400 and is_element(body)}
    answer = web.ask(uploads.bytes_of(b"[" + b",".join([GOOD, *usable.values(), GOOD]) + b"]", BULK + "?verbose=1"))
    assert answer is not None
    assert answer.status == 202
    assert [each["status"] for each in answer.json["results"]] == [
        "accepted",
        *["quarantined"] * len(usable),
        "accepted",
    ]
    shop.drain()
    assert len(shop.rows("batch")) == 2
    assert len(shop.rows("quarantine")) == len(usable)


def no_json(word: str) -> None:
    """NaN and the like are no JSON, though Python reads them."""
    raise ValueError(word)


def is_element(body: bytes) -> bool:
    """An array with it can still be cut into its elements."""
    try:
        json.loads(body.decode(), parse_constant=no_json)
    except (ValueError, RecursionError):
        return False
    return len(body) < 50_000


@pytest.mark.parametrize(
    "body",
    [b"", b"{}", b"null", b"[", b"[1,", b"[" * 100_000, b"[" + GOOD, GOOD, b"[" + b",".join([GOOD] * 101) + b"]"],
    ids=range(9),
)
def test_a_bulk_that_cannot_be_cut_is_refused(uploads: Uploads, web: Web, body: bytes) -> None:
    refused(web.ask(uploads.bytes_of(body, BULK)), 400)
    assert uploads.stored() == 0


def test_gzip_bombs_burst_in_no_memory(uploads: Uploads, web: Web) -> None:
    small, large = bomb(200), bomb(1000)
    assert len(small) < 256_000 < MB - 50_000 < len(large)
    packed = {"Content-Encoding": "gzip"}
    with web.bounded(100):
        for body in [small] * 20 + [large] * 5 + [gzip.compress(small)]:
            refused(web.ask(uploads.bytes_of(body, EVENTS, packed)), 400, 413)
    assert uploads.stored() == 0
    uploads.still_work()


@pytest.mark.parametrize("body", [b"no gzip", gzip.compress(GOOD)[:-4], gzip.compress(b"") * 1000, b"\x1f\x8b"])
def test_broken_gzip_is_refused(uploads: Uploads, web: Web, body: bytes) -> None:
    refused(web.ask(uploads.bytes_of(body, EVENTS, {"Content-Encoding": "gzip"})), 400)
    refused(web.ask(uploads.bytes_of(body, EVENTS, {"Content-Encoding": "br"})), 415)
    assert uploads.stored() == 0


def wrong_credentials(shop: Shop) -> dict[str, tuple[str, int]]:
    """Authorization headers with the status that each is worth."""
    key, secret = shop.key.key, shop.key.secret
    other = Shop(factories.feed(factories.workspace()))
    revoked = Shop(factories.feed(shop.workspace))
    InputKey.objects.filter(key=revoked.key.key).update(expires_at=clock.now() - timedelta(days=1))
    return {
        "another's secret": (basic(key, other.key.secret), 403),
        "another's key": (basic(other.key.key, secret), 403),
        "revoked": (basic(revoked.key.key, revoked.key.secret), 403),
        "no secret": (basic(key, ""), 403),
        "no colon": (basic(key, "")[:-2], 403),
        "unknown": (basic("nobody", "nothing"), 403),
        "NUL": (basic("a\0b", secret), 403),
        "long": (basic("k" * 20_000, secret), 403),
        "no base64": ("Basic %%%", 403),
        "no UTF-8": ("Basic //79", 403),
        "another scheme": (f"Bearer {secret}", 403),
        "empty": ("", 401),
        "latin": ("Basic \u00e4\u00ff", 403),
    }


def test_wrong_keys_are_refused_before_the_body_is_looked_at(uploads: Uploads, web: Web, shop: Shop) -> None:
    messages: set[str] = set()
    for what, (authorization, status) in wrong_credentials(shop).items():
        for body in (GOOD, b"{"):
            answer: Any = web.ask(uploads.bytes_of(body, EVENTS, {"Authorization": authorization}))
            assert answer is not None, what
            refused(answer, status, 401)
            messages.add(answer.json["message"])
    assert uploads.stored() == 0
    # Nothing tells a key that exists from one that does not.
    assert not [message for message in messages if "revoked" in message or "expired" in message]
    uploads.still_work()


def test_a_batch_of_somebody_else_stays_where_its_key_belongs(uploads: Uploads, web: Web, shop: Shop) -> None:
    other = Shop(factories.feed(factories.workspace()))
    theirs = json.dumps(batch(custom_event(), customer="u-1", workspace_id=other.workspace.pk)).encode()
    answer = web.ask(uploads.bytes_of(theirs))
    assert (answer is not None and answer.status) == 202
    assert [row["workspace_id"] for row in shop.rows("inbox")] == [shop.workspace.pk]
    assert other.rows("inbox") == []
