"""Decide what of the waiting is complete, and put it together: one batch for a person or a session. Pure.

An item is an event, or a batch without events. What is put together is stored before it is sent, so that a repeat
is the same request.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import msgspec

from connections.payload import OutboxBatch
from connections.verdicts import report_hour_ms
from directory.contracts import ForwardedBatch, ForwardedEvent, Gather
from events.identity_types import IdentityType

TEN_MINUTES_MS = 10 * 60_000
# By the time of reception: a device whose clock is wrong has an end, too.
SESSION_IDLE_MS = 30 * 60_000
# A session that never rests is told in parts.
SESSION_MOST_MS = 24 * 3_600_000
# Neighbouring deliveries with so little each are kept as one, so that no look takes long while much waits.
SMALL_ITEMS_MOST = 100
SMALL_ROWS_LEAST = 20
BATCH_EVENTS_MOST = 500
BATCH_BYTES_MOST = 1_000_000


@dataclass(frozen=True, slots=True)
class Waiting:
    """One item that waits at `position` of a chunk, the `row`th of those looked at; `seq` is its batch's."""

    row: int
    position: int
    seq: int
    batch: ForwardedBatch
    event: ForwardedEvent | None

    @property
    def session_id(self) -> int | None:
        """The session that it belongs to, if it does."""
        found = self.event.data.get("session_id") if self.event else None
        return found if isinstance(found, int) else None

    @property
    def ends_session(self) -> bool:
        """Whether nothing more of its session is expected."""
        return self.event is not None and self.event.event_type == "session_end"


@dataclass(frozen=True, slots=True)
class Gathered:
    """A batch that goes out as one; `first_seq` is the sequence of the earliest of what is in it."""

    first_seq: int
    stored: OutboxBatch


def complete(
    waiting: Iterable[Waiting], gather: Gather, now_ms: int, *, is_crowded: bool = False
) -> list[list[Waiting]]:
    """What is to go out now: for each person, or session of a person, the items in order.

    `is_crowded` says that more waits than was looked at: then everything is complete, lest it grow for ever.
    """
    groups: dict[tuple[int, int | None], list[Waiting]] = {}
    for each in waiting:
        session_id = each.session_id if gather is Gather.SESSION else None
        groups.setdefault((each.batch.mpid, session_id), []).append(each)
    return [
        items
        for (_, session_id), items in groups.items()
        if is_crowded or (_is_old if session_id is None else _is_over)(items, now_ms)
    ]


def _is_old(items: Sequence[Waiting], now_ms: int) -> bool:
    return now_ms - min(each.batch.received_at_ms for each in items) >= TEN_MINUTES_MS


def _is_over(items: Sequence[Waiting], now_ms: int) -> bool:
    times = [each.batch.received_at_ms for each in items]
    has_rested = now_ms - max(times) >= SESSION_IDLE_MS or now_ms - min(times) >= SESSION_MOST_MS
    return has_rested or any(each.ends_session for each in items)


def small_neighbours(waiting: Iterable[Waiting]) -> list[list[Waiting]]:
    """Items of deliveries that lie side by side and hold little each: better kept as one. `waiting` is in order."""
    by_row: dict[int, list[Waiting]] = {}
    for each in waiting:
        by_row.setdefault(each.row, []).append(each)
    runs: list[list[list[Waiting]]] = [[]]
    for row in sorted(by_row):
        if len(by_row[row]) <= SMALL_ITEMS_MOST:
            runs[-1].append(by_row[row])
        elif runs[-1]:
            runs.append([])
    return [[each for items in run for each in items] for run in runs if len(run) >= SMALL_ROWS_LEAST]


def as_they_came(items: Iterable[Waiting]) -> list[Gathered]:
    """The items in the batches that they came in."""
    found: dict[tuple[int, str], list[Waiting]] = {}
    for each in items:
        found.setdefault((each.seq, each.batch.batch_id), []).append(each)
    return [_batch_of(part, part[0].batch) for part in found.values()]


def put_together(items: Sequence[Waiting], new_batch_id: Callable[[], str]) -> list[Gathered]:
    """One batch of all of them, in order; more than one where they cannot stand in the same.

    A batch tells of one device, is of bounded size, and keeps every event in the hour that it is counted in.
    """
    parts: list[list[Waiting]] = []
    size = 0
    # From the end: a batch describes the person as the last of its items does.
    for each in reversed(items):
        size += _size(each)
        if not parts or size > BATCH_BYTES_MOST or not _may_join(each, parts[-1]):
            parts.append([])
            size = _size(each)
        parts[-1].append(each)
    return [_one(part[::-1], new_batch_id) for part in reversed(parts)]


def _size(item: Waiting) -> int:
    return len(msgspec.json.encode(item.event.data)) if item.event else 0


def _may_join(item: Waiting, part: Sequence[Waiting]) -> bool:
    latest, event = part[0].batch, item.event
    if len(part) >= BATCH_EVENTS_MOST or _device(item.batch) != _device(latest):
        return False
    if event is None:
        return True
    own_hour_ms = report_hour_ms(event.occurred_at_ms, item.batch.received_at_ms)
    return own_hour_ms == report_hour_ms(event.occurred_at_ms, latest.received_at_ms)


def _device(batch: ForwardedBatch) -> dict[IdentityType, str]:
    return {kind: value for kind, value in batch.identities.items() if kind.is_device}


def _one(items: Sequence[Waiting], new_batch_id: Callable[[], str]) -> Gathered:
    """The items as one batch: of a single one it stays what it was, of several it gets an id of its own."""
    batches = list({each.batch.batch_id: each.batch for each in items}.values())
    batch = batches[-1]
    if len(batches) > 1:
        batch = replace(batch, batch_id=new_batch_id(), source_request_id=None, envelope=_envelope(batches))
    return _batch_of(items, batch)


def _batch_of(items: Sequence[Waiting], batch: ForwardedBatch) -> Gathered:
    """The batch with the events of these items."""
    events = tuple(each.event for each in items if each.event)
    return Gathered(items[0].seq, OutboxBatch(items[-1].seq, replace(batch, events=events)))


def _envelope(batches: Sequence[ForwardedBatch]) -> dict[str, Any]:
    """The latest's, with every change of consent, and with every attribute that was deleted and not set again."""
    latest = batches[-1]
    envelope = dict(latest.envelope)
    told = [change for batch in batches for change in batch.envelope.get("system_notifications", ())]
    deleted = dict.fromkeys(name for batch in batches for name in batch.envelope.get("deleted_user_attributes", ()))
    gone = [name for name in deleted if name not in latest.user_attributes]
    envelope |= {"system_notifications": told} if told else {}
    return envelope | ({"deleted_user_attributes": gone} if gone else {})
