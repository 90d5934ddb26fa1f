"""What an input protocol is: how one kind of client speaks to the intake. Pure.

A protocol is one file in `events/protocols/` that defines `PROTOCOL`; routes, authentication, answers, API
schema and the conformance suite follow from it. What is made for each request is a `Struct`: a third of a data
class's cost.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol as Interface
from uuid import UUID

import msgspec

from cdp_project.kernel.registry import Registry
from events.batch import Batch, BatchError, BatchHead


@dataclass(frozen=True, slots=True)
class Endpoint:
    """One address of a protocol. `path` has no leading slash and no trailing one."""

    path: str
    name: str
    is_bulk: bool = False
    is_historical: bool = False


class IntakeRequest(msgspec.Struct, frozen=True):
    """A request as the protocols see it: header names in lower case, the body inflated."""

    endpoint: Endpoint
    headers: Mapping[str, str]
    query: Mapping[str, str]
    body: bytes


class Part(msgspec.Struct, frozen=True):
    """One batch of a request: its bytes as sent, and what intake must know of it, or why it cannot be used."""

    body: bytes
    head: BatchHead | BatchError


class Credentials(msgspec.Struct, frozen=True):
    """What the client showed: a key, and a secret unless the protocol knows none."""

    key: str
    secret: str | None


class Reply(msgspec.Struct, frozen=True):
    """Answer to the client."""

    status: int
    headers: Mapping[str, str]
    body: bytes


class IntakeRefusal(Exception):
    """A request that is refused: status, stable code, a sentence that helps, headers that it owes."""

    def __init__(self, status: int, code: str, message: str, headers: Mapping[str, str] | None = None) -> None:
        super().__init__(message)
        self.status = status
        self.code = code
        self.message = message
        self.headers = dict(headers or {})


class IntakeProtocol(Interface):
    """One kind of client."""

    key: str
    name: str
    endpoints: tuple[Endpoint, ...]
    request_bytes_most: int

    def credentials(self, request: IntakeRequest) -> Credentials | None:
        """What the client showed; None when it showed nothing. IntakeRefusal when it is unreadable."""
        ...

    def split(self, request: IntakeRequest) -> list[Part]:
        """The batches of a request. IntakeRefusal when the request as a whole cannot be used."""
        ...

    def decode(self, body: bytes) -> Batch:
        """One batch from the bytes of a `Part`, as the pipeline does later. BatchError if it cannot be used."""
        ...

    def accepted(self, request: IntakeRequest, parts: Sequence[Part], batch_ids: Sequence[UUID]) -> Reply:
        """What is answered when every part is stored, under the id of the same position."""
        ...

    def refused(self, refusal: IntakeRefusal) -> Reply:
        """The one error body that the protocol's clients understand (wire.md 2.5)."""
        ...


PROTOCOLS: Registry[IntakeProtocol] = Registry("events.protocols", "PROTOCOL")
