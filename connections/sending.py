"""From a parcel to requests, and from answers to what became of it. Plug-ins are not trusted to be without fault."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from datetime import datetime

import structlog

from cdp_project.kernel.exchange import Failure, Result
from connections.configuration import OutputConfig
from connections.lane_work import LaneWork
from connections.parcels import SENT, End, Parcel, failed, parked, refused_as, retrying
from connections.retry import next_try
from directory.commerce import expanded
from directory.contracts import (
    Delivered,
    Delivery,
    ForwardedBatch,
    ForwardedEvent,
    Item,
    OutboundRequest,
    Rejected,
    RetryLater,
)
from events.reasons import INEXPRESSIBLE

log = structlog.get_logger(__name__)

# Faults of the request itself, which no later try will mend.
HOPELESS = frozenset({"bad_address", "bad_request"})
SETTINGS_UNREADABLE = "settings_unreadable"
INTEGRATION_ERROR = "integration_error"


def items_of(parcel: Parcel, output: OutputConfig, now_s: int) -> Iterator[Item]:
    """What the parcel's requests carry, in order; an expanded event still counts as the one that came in."""
    integration, most = output.integration, output.limits.events_per_request
    batch, events = parcel.batch, parcel.events
    if integration.expands_commerce:
        events = tuple(part for event in events for part in expanded(event))
    if integration.identity_types is not None:
        kept = {kind: value for kind, value in batch.identities.items() if kind in integration.identity_types}
        batch = replace(batch, identities=kept)
    first_id = parcel.delivery_id
    for number, start in enumerate(range(0, max(len(events), 1), most)):
        yield Item(f"{first_id}-{number}" if number else first_id, _with(batch, events[start : start + most]), now_s)


def _with(batch: ForwardedBatch, events: tuple[ForwardedEvent, ...]) -> ForwardedBatch:
    return batch if events is batch.events else replace(batch, events=events)


def next_request(items: Iterator[Item], output: OutputConfig) -> OutboundRequest | Delivery | None:
    """The request of the next item, or why it cannot be made; None when there are no more."""
    if output.settings is None:
        return RetryLater(SETTINGS_UNREADABLE)
    try:
        # Taking an item is part of it: what events look like was never checked, and some are taken apart.
        item = next(items, None)
        return None if item is None else output.integration.build(item, output.settings)
    except ValueError:
        return Rejected(INEXPRESSIBLE)
    except Exception:
        log.exception("an integration failed to build a request", integration=output.integration.key)
        return RetryLater(INTEGRATION_ERROR)


def judge(result: Result, output: OutputConfig) -> Delivery:
    """What the answer, or its absence, means."""
    if isinstance(result, Failure):
        return Rejected(result.code) if result.code in HOPELESS else RetryLater(result.code)
    try:
        return output.integration.judge(result.status, result.headers, result.body)
    except Exception:
        log.exception("an integration failed to judge an answer", integration=output.integration.key)
        return RetryLater(INTEGRATION_ERROR)


def end_of(parcel: Parcel, delivery: Delivery, now: datetime, draw: Callable[[], float]) -> End:
    """What becomes of the parcel; counts the attempt on it."""
    if isinstance(delivery, Delivered):
        return SENT
    parcel.attempts += 1
    parcel.first_failed_at = parcel.first_failed_at or now
    if isinstance(delivery, Rejected):
        return failed(refused_as(delivery.reason), delivery.reason)
    next_at = next_try(parcel.attempts, parcel.first_failed_at, now, delivery.after_s, draw)
    return retrying(delivery.reason, next_at) if next_at else parked(delivery.reason)


@dataclass(slots=True, eq=False)
class Sending:
    """A parcel on the way: `items` are those whose requests are still to come."""

    lane: LaneWork
    parcel: Parcel
    output: OutputConfig
    items: Iterator[Item]
