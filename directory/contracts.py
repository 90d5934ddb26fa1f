"""What an integration is: a declaration and two pure functions. No Django, no network, no database.

One file in `directory/integrations/` that defines `INTEGRATION` is all that a new one takes: the tile, the
form, the admin, the API schema, delivery and the tests follow from what it declares.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import Enum
from typing import Any, Protocol

from events.identity_types import IdentityType


class Kind(Enum):
    """What an integration receives."""

    EVENT = "event"
    AUDIENCE = "audience"


class FieldType(Enum):
    """How a setting is entered and checked. LINES is a text of several lines."""

    TEXT = "text"
    LINES = "lines"
    URL = "url"
    NUMBER = "number"
    SWITCH = "switch"
    CHOICE = "choice"


@dataclass(frozen=True, slots=True)
class Field:
    """One setting of an output. A secret is stored encrypted, never shown again, never logged.

    Fields of one `group` stand together under it as their heading. A number lies between `least` and `most`,
    both included; None means that there is no such bound.
    """

    name: str
    label: str
    type: FieldType = FieldType.TEXT
    help: str = ""
    is_secret: bool = False
    is_required: bool = False
    default: str | int | bool | None = None
    choices: tuple[tuple[str, str], ...] = ()
    group: str = ""
    least: float | None = None
    most: float | None = None


Settings = Mapping[str, Any]
"""Values of all fields by name, see `completed`. Secrets are in the clear, and only ever handed to `build`."""


def completed(fields: tuple[Field, ...], values: Settings) -> Settings:
    """The values with the declared defaults (else None) of what was never set."""
    return {each.name: each.default if values.get(each.name) is None else values[each.name] for each in fields}


@dataclass(frozen=True, slots=True)
class ForwardedEvent:
    """One event as a partner may see it. Times are Unix milliseconds."""

    event_id: str
    event_type: str
    name: str
    occurred_at_ms: int
    data: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class ForwardedBatch:
    """One person's batch after identity and profile: what they did and who they are now.

    `identities` maps type to value, `identity_times` type to the Unix milliseconds at which the person got it;
    `user_attributes` are the profile's. `envelope` holds the remaining fields under their Events API names
    (device_info, application_info, consent_state, context, ip, system_notifications, ...).
    """

    batch_id: str
    mpid: int
    environment: str
    received_at_ms: int
    source_request_id: str | None
    input_id: int
    input_name: str
    input_kind: str
    platform: str | None
    identities: Mapping[IdentityType, str]
    user_attributes: Mapping[str, Any]
    envelope: Mapping[str, Any]
    events: tuple[ForwardedEvent, ...]
    identity_times: Mapping[IdentityType, int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Item:
    """What one request carries: a batch with the events that go out together.

    `delivery_id` is the same for every try, so that the partner can drop repeats. `sent_at_s` is Unix time.
    """

    delivery_id: str
    batch: ForwardedBatch
    sent_at_s: int


@dataclass(frozen=True, slots=True)
class OutboundRequest:
    """One HTTP request, ready to go. Header values must not contain line breaks."""

    method: str
    url: str
    headers: Mapping[str, str]
    body: bytes


@dataclass(frozen=True, slots=True)
class Delivered:
    """The partner has it."""


@dataclass(frozen=True, slots=True)
class RetryLater:
    """The partner may take it later; `after_s` when it said when."""

    reason: str
    after_s: float | None = None


@dataclass(frozen=True, slots=True)
class Rejected:
    """The partner will never take it."""

    reason: str


Delivery = Delivered | RetryLater | Rejected


@dataclass(frozen=True, slots=True)
class Limits:
    """What the partner can bear. `events_per_request` > 1 lets events of one batch travel together.

    `requests_per_second` None means: as many as it takes. `event_age_most_s` None means: events of any age.
    """

    events_per_request: int = 1
    concurrent_requests: int = 16
    requests_per_second: float | None = None
    event_age_most_s: int | None = 24 * 3600

    def __post_init__(self) -> None:
        if self.events_per_request < 1 or self.concurrent_requests < 1:
            raise ValueError("A request carries at least one event, and at least one runs at a time.")


class Gather(Enum):
    """What an output waits for before it gets a person's events in one batch.

    TEN_MINUTES: until the oldest has waited so long. SESSION: until the session that they belong to is over.
    """

    TEN_MINUTES = "ten_minutes"
    SESSION = "session"


@dataclass(frozen=True, slots=True)
class Wants:
    """What an output takes under its settings. `event_types` None means all but those in `left_out`.

    With `leaves_out_unknown` also types that are no event type of ours stay here.

    `gather` None means: as soon as it comes.
    """

    event_types: frozenset[str] | None = None
    left_out: frozenset[str] = frozenset()
    leaves_out_unknown: bool = False
    batches_without_events: bool = False
    gather: Gather | None = None


@dataclass(frozen=True, slots=True)
class SettingsProblem:
    """A setting that cannot be used, with a sentence for the person who typed it."""

    field: str
    message: str


class Integration(Protocol):
    """One partner. A class that inherits from this one may leave out the methods that have a default here."""

    key: str
    name: str
    summary: str
    categories: tuple[str, ...]
    kinds: frozenset[Kind]
    fields: tuple[Field, ...]
    event_types: frozenset[str] | None
    """Event types that it takes; None means all."""
    identity_types: frozenset[IdentityType] | None
    """Identity types that it may be sent; None means all."""
    expands_commerce: bool
    """True: a purchase of n products goes out as n product events and one total."""
    sample_settings: Settings

    def problems(self, settings: Settings) -> list[SettingsProblem]:
        """What `fields` cannot say about settings that cannot be used; empty by default."""
        return []

    def wants(self, settings: Settings) -> Wants:
        """What goes out under these settings (secrets left out): by default every event of `event_types`."""
        return Wants(self.event_types)

    def limits(self, settings: Settings) -> Limits:
        """Limits under these settings (secrets left out)."""
        return Limits()

    def build(self, item: Item, settings: Settings) -> OutboundRequest:
        """The request for one item. Raises ValueError when the item cannot be expressed: it is rejected."""
        ...

    def judge(self, status: int, headers: Mapping[str, str], body: bytes) -> Delivery:
        """What the partner's answer means. Header names are in lower case; the body is bounded."""
        ...


def problems_of(fields: tuple[Field, ...], values: Settings) -> list[SettingsProblem]:
    """What is wrong with the values of a form or an API call; empty when they can be used."""
    known = {each.name: each for each in fields}
    problems = [SettingsProblem(name, "There is no such setting.") for name in values if name not in known]
    for each in fields:
        message = _problem(each, values.get(each.name))
        if message:
            problems.append(SettingsProblem(each.name, message))
    return problems


def _problem(declared: Field, value: Any) -> str | None:
    if value in (None, ""):
        return f"{declared.label} is required." if declared.is_required else None
    return None if _fits(declared, value) else f"{declared.label} {_RULES[declared.type]}{_bounds(declared)}."


_RULES = {
    FieldType.TEXT: "is a text",
    FieldType.LINES: "is a text",
    FieldType.URL: "starts with https:// or http://",
    FieldType.NUMBER: "is a number",
    FieldType.SWITCH: "is on or off",
    FieldType.CHOICE: "is one of the choices",
}


def _bounds(declared: Field) -> str:
    bounds = [f"at least {declared.least:g}"] if declared.least is not None else []
    bounds += [f"at most {declared.most:g}"] if declared.most is not None else []
    return ", ".join(["", *bounds])


def _is_within(declared: Field, number: float) -> bool:
    least = -math.inf if declared.least is None else declared.least
    most = math.inf if declared.most is None else declared.most
    return math.isfinite(number) and least <= number <= most


def _fits(declared: Field, value: object) -> bool:
    match declared.type:
        case FieldType.TEXT | FieldType.LINES:
            return isinstance(value, str)
        case FieldType.URL:
            return isinstance(value, str) and value.lower().startswith(("http://", "https://"))
        case FieldType.NUMBER:
            return isinstance(value, int | float) and not isinstance(value, bool) and _is_within(declared, value)
        case FieldType.SWITCH:
            return isinstance(value, bool)
        case FieldType.CHOICE:
            return isinstance(value, str) and value in dict(declared.choices)
