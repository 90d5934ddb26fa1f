"""Decide which events of an input go out on which of its connections. Reads nothing, sends nothing."""

from dataclasses import dataclass
from datetime import datetime

from cdp_project.workspaces.environment import Environment
from directory.contracts import Wants
from events.decoding.event_reading import EVENT_TYPES
from events.reasons import CONNECTION_OFF, HISTORICAL, OUTPUT_OFF, TOO_OLD, TYPE_OFF, UNSUPPORTED


@dataclass(frozen=True, slots=True)
class Route:
    """A connection as forwarding sees it. `environments` are those in which the output is on."""

    connection_id: int
    output_id: int
    is_active: bool
    environments: frozenset[Environment]
    wants: Wants
    event_age_most_s: int | None
    config_version: int

    @property
    def gathers(self) -> bool:
        """Whether what goes out waits to be put together."""
        return self.wants.gather is not None


@dataclass(frozen=True, slots=True)
class Withheld:
    """It does not go out on this connection, and why."""

    reason: str


def withheld_batch(route: Route, environment: Environment, *, is_historical: bool) -> Withheld | None:
    """What keeps back a whole batch; None when each event decides for itself."""
    if not route.is_active:
        return Withheld(CONNECTION_OFF)
    if environment not in route.environments:
        return Withheld(OUTPUT_OFF)
    return Withheld(HISTORICAL) if is_historical else None


def withheld_event(route: Route, event_type: str, occurred_at: datetime, now: datetime) -> Withheld | None:
    """What keeps back one event; None when it goes out."""
    wants = route.wants
    if wants.event_types is not None and event_type not in wants.event_types:
        return Withheld(UNSUPPORTED)
    if event_type in wants.left_out or (wants.leaves_out_unknown and event_type not in EVENT_TYPES):
        return Withheld(TYPE_OFF)
    if route.event_age_most_s is not None and (now - occurred_at).total_seconds() > route.event_age_most_s:
        return Withheld(TOO_OLD)
    return None
