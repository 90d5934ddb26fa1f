"""Uploads, good and bad, made from the endpoints of every protocol: what the fast lane and the views must agree on."""

import gzip
import json
import random
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from itertools import product
from pathlib import Path

from events.protocol import PROTOCOLS, Endpoint, IntakeProtocol
from tests.events.conftest import basic

SAMPLES = Path(__file__).parent.parent / "golden" / "protocols"
GARBLED = 40
EVENT = {"event_type": "custom_event", "data": {"event_name": "Opened", "custom_event_type": "other"}}
PERSON = {"user_identities": {"customer_id": "c-1"}}


@dataclass(frozen=True)
class Upload:
    """One request. `shows` names the credentials that it shows; more headers, also repeated, are in `fields`."""

    name: str
    path: str
    body: bytes
    method: str = "POST"
    query: bytes = b""
    shows: str = "key"
    fields: tuple[tuple[bytes, bytes], ...] = ()


@dataclass(frozen=True)
class Shown:
    """Authorization headers by name."""

    headers: Mapping[str, str] = field(default_factory=dict)

    @classmethod
    def of(cls, pairs: Mapping[str, tuple[str, str]]) -> "Shown":
        """From keys and secrets; odd headers are added."""
        odd = {
            "none": "",
            "blank": "  ",
            "scheme alone": "Basic",
            "no base64": "Basic !!!",
            "padding inside": "Basic QUJD=QQ==",
            "no colon": "Basic QUJD",
            "no text": "Basic /////w==",
            "no ASCII": "Basic ключ",
            "bearer": "Bearer abc",
            "NUL": basic("\0", "\0"),
            "nobody": basic("nobody", "nothing"),
            "long": basic("x" * 65, "y"),
            "longer": "Basic " + "A" * 10_000,
        }
        return cls({**{name: basic(*pair) for name, pair in pairs.items()}, **odd})


def uploads(credentials: Mapping[str, str]) -> Iterator[Upload]:
    """Every upload, for every endpoint."""
    for protocol in PROTOCOLS.values():
        sample = (SAMPLES / f"{protocol.key}.json").read_bytes().strip()
        for endpoint in protocol.endpoints:
            yield from _of_endpoint(protocol, endpoint, sample, credentials)


def _of_endpoint(
    protocol: IntakeProtocol, endpoint: Endpoint, sample: bytes, credentials: Mapping[str, str]
) -> Iterator[Upload]:
    path = f"/{endpoint.path}"
    good = b"[%b]" % sample if endpoint.is_bulk else sample
    for name, body in {**_plain_bodies(good, protocol.request_bytes_most), **_arrays(sample)}.items():
        yield Upload(name, path, body)
    for name, (body, encoding) in _encoded_bodies(good, protocol.request_bytes_most).items():
        yield Upload(name, path, body, fields=((b"content-encoding", encoding),))
    for shows, body in product(credentials, (good, b"{")):
        yield Upload(f"shows {shows}", path, body, shows=shows)
    for query in QUERIES:
        yield Upload("query", path, _mixed() if endpoint.is_bulk else good, query=query)
    for name, fields in FIELDS.items():
        yield Upload(name, path, good, fields=fields)
    for method in ("GET", "HEAD", "OPTIONS", "PUT", "PATCH", "DELETE"):
        yield Upload(method, path, good, method=method)
    for seed in range(GARBLED):
        yield Upload(f"garbled {seed}", path, garbled(good, seed))


def _plain_bodies(good: bytes, most: int) -> dict[str, bytes]:
    """Bodies that say something, nothing, or too much."""
    deep = b'{"user_attributes":{"a":%b%b}}'
    keys = b",".join(b'"k%d":%d' % (number, number) for number in range(9_000))
    return {
        "the sample": good,
        "blanks around": b" \n" + good + b"\t ",
        "empty": b"",
        "only blanks": b" \r\n",
        "truncated": good[: len(good) // 2],
        "twice": good + good,
        "an array in place of an object": b"[]",
        "an object in place of an array": b"{}",
        "null": b"null",
        "a number": b"7",
        "a text": b'"text"',
        "wrong types": b'{"events":{},"user_identities":[]}',
        "no UTF-8": b'{"user_attributes":{"a":"\xff\xfe"}}',
        "half a surrogate in UTF-8": b'{"user_attributes":{"a":"\xed\xa0\x80"}}',
        "NUL": rb'{"user_attributes":{"a\u0000":"\u0000"}}',
        "a raw NUL": b'{"user_attributes":{"a":"\0"}}',
        "lone surrogates": rb'{"user_attributes":{"a":"\ud800","\udc00":1}}',
        "NaN": b'{"user_attributes":{"a":NaN}}',
        "out of range": b'{"user_attributes":{"a":1e999}}',
        "huge numbers": b'{"mpid":%d,"user_attributes":{"a":%d}}' % (2**63 - 1, 10**400),
        "an mpid beyond 64 bits": b'{"mpid":%d}' % 2**70,
        "a negative mpid": b'{"mpid":"-3800224851602197776"}',
        "repeated keys": b'{"environment":"production","environment":"development","user_attributes":{"a":1,"a":2}}',
        "32 levels": deep % (b"[" * 29, b"]" * 29),
        "33 levels": deep % (b"[" * 33, b"]" * 33),
        "100,000 levels": deep % (b"[" * 100_000, b""),
        "9,000 keys": b'{"user_attributes":{%b}}' % keys,
        "a batch too large": b'{"user_attributes":{"a":"%b"}}' % (b"x" * 131_072),
        "exactly as much as may be": b"{%b}" % (b" " * (most - 2)),
        "one byte more": b"{%b}" % (b" " * (most - 1)),
        "300 kB": b"x" * 300_000,
        "a million keys": b'{"user_attributes":{%b}}' % b",".join(b'"%d":0' % number for number in range(1_000_000)),
        "no batch": json.dumps({"environment": "staging", **PERSON, "events": [EVENT]}).encode(),
        "development": json.dumps({"environment": "development", **PERSON, "events": [EVENT, EVENT]}).encode(),
        "an event of no type": json.dumps({**PERSON, "events": [EVENT, {"data": {}}]}).encode(),
    }


def _arrays(sample: bytes) -> dict[str, bytes]:
    return {
        "good and bad batches": _mixed(),
        "one of them deep": b'[%b,{"user_attributes":{"a":%b%b}},{}]' % (sample, b"[" * 600, b"]" * 600),
        "100 batches": b"[%b]" % b",".join([b"{}"] * 100),
        "101 batches": b"[%b]" % b",".join([b"{}"] * 101),
        "a large bulk": b"[%b]" % b",".join([b'{"user_attributes":{"a":"%b"}}' % (b"x" * 2_000)] * 100),
        "no comma": b"[{} {}]",
        "one too large": b'[{},{"user_attributes":{"a":"%b"}}]' % (b"x" * 131_072),
    }


def _mixed() -> bytes:
    """Batches that can be used, and such that cannot."""
    batches = [{**PERSON, "events": [EVENT]}, {"events": [{}]}, {}, 7, None, {"environment": "staging"}, {"mpid": 12}]
    return json.dumps(batches).encode()


def _encoded_bodies(good: bytes, most: int) -> dict[str, tuple[bytes, bytes]]:
    """Bodies with the encoding that their header claims."""
    packed = gzip.compress(good, mtime=0)
    return {
        "gzip": (packed, b"gzip"),
        "gzip in capitals": (packed, b" GZip "),
        "x-gzip": (packed, b"x-gzip"),
        "gzip in two members": (gzip.compress(good[:9], mtime=0) + gzip.compress(good[9:], mtime=0), b"gzip"),
        "gzip of many members": (gzip.compress(b" ", mtime=0) * 101 + packed, b"gzip"),
        "a bomb": (gzip.compress(b"\0" * 50_000_000, mtime=0), b"gzip"),
        "a bomb of members": (gzip.compress(b" " * (most // 2), mtime=0) * 3, b"gzip"),
        "gzip cut off": (packed[:-9], b"gzip"),
        "gzip with more behind": (packed + b"more", b"gzip"),
        "no gzip": (good, b"gzip"),
        "gzip of nothing": (b"", b"gzip"),
        "identity": (good, b"identity"),
        "brotli": (good, b"br"),
        "an odd encoding": (good, "ключ".encode()),
        "no encoding": (good, b""),
    }


QUERIES = (
    b"verbose=1",
    b"verbose=0",
    b"verbose=1&verbose=2",
    b"verbose=2&verbose=1",
    b"verbose=%31",
    b"Verbose=1",
    b"verbose",
    b"\xff\xfe=%ff&&=;&verbose=1",
    b"&".join(b"a%d=" % number for number in range(2_000)) + b"&verbose=1",
)
FIELDS = {
    "an id": ((b"x-request-id", b"r-1"),),
    "an id that is none": ((b"x-request-id", b"r 1"),),
    "an id that is too long": ((b"x-request-id", b"r" * 101),),
    "no ASCII": ((b"x-request-id", "ключ".encode()), (b"x-other", b"\xff\x00\xfe")),
    "two ids": ((b"x-request-id", b"r-1"), (b"x-request-id", b"r-2")),
    "two encodings": ((b"content-encoding", b"gzip"), (b"content-encoding", b"gzip")),
    "a trace": ((b"traceparent", b"00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"),),
    "no trace": ((b"traceparent", b"00-0-0-01"),),
    "a text": ((b"content-type", b"text/plain;charset=UTF-8"),),
    "an odd type": ((b"content-type", b"multipart/form-data"),),
    "underscores": ((b"x_request_id", b"r-1"), (b"content_encoding", b"br")),
    "a host that is not ours": ((b"host", b"evil.example"),),
    "a length that is too large": ((b"content-length", b"400000"),),
}


def garbled(body: bytes, seed: int) -> bytes:
    """The body with some bytes changed, cut out or doubled."""
    chance = random.Random(seed)
    changed = bytearray(body)
    for _ in range(chance.randrange(1, 6)):
        place = chance.randrange(len(changed))
        match chance.randrange(3):
            case 0:
                changed[place] = chance.randrange(256)
            case 1:
                del changed[place : place + chance.randrange(40)]
            case _:
                changed[place:place] = changed[place : place + chance.randrange(40)]
    return bytes(changed)
