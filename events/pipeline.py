"""The pipeline's contract: what a step is, what it works on, and the list of steps in their order.

A step is a function that takes a chunk and works on all of its open contexts as a set. Its phase is
declared by `@prepare` or `@apply`. Prepare steps run before the transaction begins: they may be slow and
have no effect outside the chunk. Apply steps run inside the one transaction that takes the batches out of
the inbox: nothing slow, no HTTP, no file. A step stops a context or a single event by setting its
`outcome`; the runner counts and keeps what was stopped.
"""

from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from datetime import datetime
from enum import Enum
from importlib import import_module
from typing import Any
from uuid import UUID

from django.conf import settings

from cdp_project.kernel.database import Connection
from cdp_project.kernel.outcome import Drop, Outcome
from cdp_project.workspaces.environment import Environment
from events.batch import Batch, Event
from events.configuration import InputConfig
from events.identity_types import IdentityType


class Phase(Enum):
    """When a step runs."""

    PREPARE = "prepare"
    APPLY = "apply"


@dataclass(frozen=True, slots=True)
class Accepted:
    """An inbox row as the pipeline reads it."""

    bucket: int
    accept_seq: int
    batch_id: UUID
    workspace_id: int
    input_id: int
    environment: Environment
    protocol: str
    is_historical: bool
    received_at: datetime
    event_count: int
    encoding: int
    body: bytes


@dataclass(slots=True)
class Person:
    """Who is behind a batch. `origin_mpid` is the owner without any merge.

    `person_no` is None when the workspace has no profile of them, because the input may not make one.
    `identity_times` maps an identity type's word to the Unix milliseconds at which the person got the value.
    `consent_changes` is what the batch changed in the consent state, as raw outputs tell it.
    """

    mpid: int
    origin_mpid: int
    person_no: int | None
    is_new: bool
    is_known: bool
    attributes: dict[str, Any] = field(default_factory=dict)
    identities: dict[IdentityType, str] = field(default_factory=dict)
    consent: dict[str, Any] = field(default_factory=dict)
    identity_times: dict[str, int] = field(default_factory=dict)
    consent_changes: list[dict[str, Any]] = field(default_factory=list)


@dataclass(slots=True)
class EventItem:
    """One event on its way. `event_id` is given once the person is known; `outcome` None means: go on.

    `forwarded` are the connections that it goes out on, `withheld` those that it does not, with the reason.
    """

    event: Event
    occurred_at: datetime
    event_id: UUID | None = None
    outcome: Drop | None = None
    forwarded: list[int] = field(default_factory=list)
    withheld: dict[str, str] = field(default_factory=dict)


@dataclass(slots=True)
class Context:
    """One batch on its way through the steps. `outcome` None means: go on.

    `claimed` are the ids of its client that it was the first to bring (events.processing.duplicates).
    """

    accepted: Accepted
    input: InputConfig
    batch: Batch
    items: list[EventItem]
    person: Person | None = None
    outcome: Outcome | None = None
    claimed: list[tuple[int, int, bytes]] = field(default_factory=list)

    def open_items(self) -> list[EventItem]:
        """Events that nothing has stopped."""
        return [item for item in self.items if item.outcome is None]


MetricKey = tuple[int, int, int, datetime, str, str]
"""workspace, environment, input, hour, metric, label: what a roll-up row counts."""


def metric_key(row: Accepted, metric: str, label: str = "") -> MetricKey:
    """What a roll-up row of this batch counts, in the hour of its reception."""
    return row.workspace_id, int(row.environment), row.input_id, hour_of(row.received_at), metric, label


def hour_of(at: datetime) -> datetime:
    """The hour that a time is in."""
    return at.replace(minute=0, second=0, microsecond=0)


@dataclass(slots=True)
class Chunk:
    """Batches of some lanes that are processed together, in order of acceptance.

    `bucket` is that of the first lane: its row is locked, so counts written under it wait for nobody.
    `connection` is inside the transaction during apply steps and None before. `metrics` are written to the
    roll-ups at the end of the transaction; `after_commit` runs once it stands.
    """

    bucket: int
    now: datetime
    contexts: list[Context]
    connection: Connection | None = None
    metrics: Counter[MetricKey] = field(default_factory=Counter)
    after_commit: list[Callable[[], None]] = field(default_factory=list)

    def open(self) -> list[Context]:
        """Contexts that nothing has stopped."""
        return [context for context in self.contexts if context.outcome is None]

    @property
    def transaction(self) -> Connection:
        """The connection inside the transaction; only apply steps may ask."""
        if self.connection is None:
            raise RuntimeError("Only apply steps run inside the transaction.")
        return self.connection

    def count(self, context: Context, metric: str, label: str = "", by: int = 1) -> None:
        """Count something of this context in the hour of its reception."""
        self.metrics[metric_key(context.accepted, metric, label)] += by


StepFunction = Callable[[Chunk], None]


@dataclass(frozen=True, slots=True)
class Step:
    """A function of one app with the phase in which it runs."""

    run: StepFunction
    phase: Phase

    @property
    def name(self) -> str:
        return f"{self.run.__module__}.{self.run.__name__}"


def prepare(function: StepFunction) -> Step:
    """Declare a step that runs before the transaction."""
    return Step(function, Phase.PREPARE)


def apply(function: StepFunction) -> Step:
    """Declare a step that runs inside the transaction."""
    return Step(function, Phase.APPLY)


class PipelineError(Exception):
    """settings.CDP_PIPELINE cannot be used; the message says which entry and why."""


def load_steps(paths: Iterable[str] | None = None) -> list[Step]:
    """The steps named by settings.CDP_PIPELINE, in order; prepare steps must stand first."""
    steps = [_load(path) for path in (settings.CDP_PIPELINE if paths is None else paths)]
    phases = [step.phase for step in steps]
    if phases != sorted(phases, key=lambda phase: phase is Phase.APPLY):
        raise PipelineError("CDP_PIPELINE lists a prepare step after an apply step.")
    return steps


def _load(path: str) -> Step:
    module_name, _, name = path.rpartition(".")
    step = getattr(import_module(module_name), name, None)
    if not isinstance(step, Step):
        raise PipelineError(f"CDP_PIPELINE names {path}, which is no step: decorate it with @prepare or @apply.")
    return step
