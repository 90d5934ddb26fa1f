"""Parcels: what is sent, judged and recorded together. Pure.

A parcel is one event, some events of one batch that travel together, or a batch without events. Its positions
are its items' places in the chunk; how events are put together follows from the chunk and the settings alone,
so that a repeat after a crash is the same parcel with the same id.
"""

from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from cdp_project.kernel.buckets import digest
from connections.models import ItemState
from connections.payload import OutboxBatch
from connections.verdicts import DELIVERED, FAILED, WAITING, WITHHELD, report_hour_ms
from directory.contracts import ForwardedBatch, ForwardedEvent
from events.reasons import HELD, INEXPRESSIBLE, PARKED, REJECTED, RETRYING


@dataclass(frozen=True, slots=True)
class Origin:
    """The delivery that a parcel belongs to. `environment` is the stored number, `created_at` when it was forwarded."""

    bucket: int
    output_id: int
    chunk_id: UUID
    chunk_seq: int
    connection_id: int
    environment: int
    created_at: datetime


@dataclass(frozen=True, slots=True)
class End:
    """What became of a parcel: how its events count, and the state of its exception rows (None: it has none).

    `detail` says more than the registered reason, for example http_503. `next_at` is when it is tried again.
    """

    state: str
    reason: str = ""
    item_state: ItemState | None = None
    detail: str = ""
    next_at: datetime | None = None


SENT = End(DELIVERED)
HELD_BACK = End(WAITING, HELD, ItemState.HELD, HELD)


def withheld(reason: str) -> End:
    """It was to go out, and then was not any more."""
    return End(WITHHELD, reason, ItemState.WITHHELD, reason)


def failed(reason: str, detail: str) -> End:
    """It will never be taken."""
    return End(FAILED, reason, ItemState.FAILED, detail)


def refused_as(detail: str) -> str:
    """The registered reason under which a fault that is final counts."""
    return INEXPRESSIBLE if detail == INEXPRESSIBLE else REJECTED


def retrying(detail: str, next_at: datetime) -> End:
    """It is tried again at `next_at`."""
    return End(WAITING, RETRYING, ItemState.RETRYING, detail, next_at)


def parked(detail: str) -> End:
    """It was tried for long enough."""
    return End(FAILED, PARKED, ItemState.PARKED, detail)


@dataclass(slots=True, eq=False)
class Parcel:
    """One parcel. `state` is that of its exception rows; None while it has none. `end` None means: not ended.

    `last_fault` is the code of its last recorded fault, `last_at` the time of that. `pauses_output` marks the one
    whose fault made the output's breaker open.
    """

    origin: Origin
    positions: tuple[int, ...]
    batch: ForwardedBatch
    events: tuple[ForwardedEvent, ...]
    state: ItemState | None = None
    attempts: int = 0
    first_failed_at: datetime | None = None
    last_fault: str = ""
    last_at: datetime | None = None
    pauses_output: bool = False
    end: End | None = None

    @property
    def mpid(self) -> int:
        return self.batch.mpid

    @property
    def delivery_id(self) -> str:
        """The same at every try."""
        first = self.events[0].event_id if self.events else self.batch.batch_id
        return digest(first, str(self.origin.output_id)).hex()

    def items(self) -> Iterator[tuple[int, str | None]]:
        """Its positions with the ids of their events; a batch without events has none."""
        events = self.events
        return zip(self.positions, (event.event_id for event in events) if events else (None,), strict=True)

    def hours_ms(self) -> list[int]:
        """The hour that each of its events is reported in; a batch without events counts nowhere."""
        received_at_ms = self.batch.received_at_ms
        return [report_hour_ms(event.occurred_at_ms, received_at_ms) for event in self.events]


def parcels_of(
    origin: Origin,
    batches: Iterable[OutboxBatch],
    positions: Collection[int] | None,
    events_per_parcel: int,
    done: Collection[int] = frozenset(),
) -> Iterator[Parcel]:
    """Parcels of the items at `positions` (None: all), in order, without those items that are done already."""
    first = 0
    for stored in batches:
        count = stored.item_count
        if count == 1 and positions is None and not done:
            yield Parcel(origin, (first,), stored.batch, stored.batch.events)
            first += 1
            continue
        places: Sequence[int] = range(first, first + count)
        if positions is not None:
            places = [place for place in places if place in positions]
        for start in range(0, len(places), events_per_parcel):
            group = places[start : start + events_per_parcel]
            left = tuple(place for place in group if place not in done) if done else tuple(group)
            if left:
                yield Parcel(origin, left, stored.batch, _events(stored.batch, left, first))
        first += count


def _events(batch: ForwardedBatch, places: tuple[int, ...], first: int) -> tuple[ForwardedEvent, ...]:
    events = batch.events
    if len(places) == len(events):
        return events
    return tuple(events[place - first] for place in places) if events else ()
