"""Outgoing requests and what comes back, as values; and which requests must not be sent. Pure."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Protocol

REQUEST_BYTES_MOST = 10_000_000
METHODS = frozenset({"POST", "PUT", "PATCH", "DELETE", "GET"})
HEADER_NAME = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")


class Request(Protocol):
    """What can be sent."""

    @property
    def method(self) -> str: ...
    @property
    def url(self) -> str: ...
    @property
    def headers(self) -> Mapping[str, str]: ...
    @property
    def body(self) -> bytes: ...


@dataclass(frozen=True, slots=True)
class Answer:
    """What came back. Header names are in lower case; `body` holds at most the first 64 kB."""

    status: int
    headers: Mapping[str, str]
    body: bytes
    latency_ms: int


@dataclass(frozen=True, slots=True)
class Failure:
    """No answer. `code` is one of bad_address, bad_request, address_refused, dns, timeout, connect, tls, broken."""

    code: str
    detail: str
    latency_ms: int = 0


Result = Answer | Failure


def fault_in(request: Request) -> str:
    """What makes the request one that must not be sent; "" when nothing does."""
    if request.method not in METHODS:
        return f"The method {request.method!r} is not one of {', '.join(sorted(METHODS))}."
    if len(request.body) > REQUEST_BYTES_MOST:
        return f"The body has {len(request.body)} bytes; {REQUEST_BYTES_MOST} are the most."
    for name, value in request.headers.items():
        if not _is_header_name(name) or not _is_header_value(value):
            return f"The header {name!r} holds characters that no header may hold."
    return ""


@lru_cache(maxsize=1024)
def _is_header_name(name: str) -> bool:
    return HEADER_NAME.fullmatch(name) is not None


def _is_header_value(value: str) -> bool:
    return value.isascii() and value.isprintable()
