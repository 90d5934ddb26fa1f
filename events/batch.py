"""One batch in the house's own words, whatever protocol it came by. Pure: no framework, no database."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import msgspec

from cdp_project.workspaces.environment import Environment
from events.identity_types import IdentityType

AttributeValue = str | int | float | bool | list[str] | None


@dataclass(frozen=True, slots=True)
class Violation:
    """Something in a batch that was mended or left out: a stable code and where (a JSON pointer)."""

    code: str
    pointer: str

    @classmethod
    def at(cls, code: str, *place: str | int) -> "Violation":
        """The violation at a place named by keys and positions from the root of the batch."""
        return cls(code, "".join("/" + str(step).replace("~", "~0").replace("/", "~1") for step in place))


class BatchHead(msgspec.Struct, frozen=True):
    """What intake must know of a batch before it is stored: the person's lane, and how much it is."""

    environment: Environment
    mpid: int | None
    identities: Mapping[IdentityType, str]
    event_count: int


@dataclass(slots=True)
class Event:
    """One event as sent. `name` is what the catalogue calls it (event name, screen name, action; may be "").

    `occurred_at_ms` is None when the client gave no time: reception counts then.
    """

    event_type: str
    name: str
    occurred_at_ms: int | None
    data: dict[str, Any]
    source_message_id: str | None = None


@dataclass(slots=True)
class Batch:
    """What one person did and is, as sent by one client at one time.

    `envelope` keeps the remaining fields for storing and forwarding, under their Events API names
    (device_info, application_info, consent_state, integration_attributes, context, ip, sdk_version, ...).
    """

    environment: Environment
    source_request_id: str | None = None
    mpid: int | None = None
    identities: dict[IdentityType, str] = field(default_factory=dict)
    user_attributes: dict[str, AttributeValue] = field(default_factory=dict)
    deleted_user_attributes: list[str] = field(default_factory=list)
    envelope: dict[str, Any] = field(default_factory=dict)
    events: list[Event] = field(default_factory=list)
    violations: list[Violation] = field(default_factory=list)


class BatchError(Exception):
    """A batch that cannot be used: a stable code, and a sentence that names the field.

    `event_count` is how many events it holds, as far as they can be counted.
    """

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code
        self.message = message
        self.event_count = 0
