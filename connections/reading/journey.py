"""What became of one event on each connection, told from rows and never from counters.

Withheld when it was forwarded: it stands on the event's row. Else it is what its exception says; without one it waits
while a chunk of the outbox still has it, and was delivered when none has.
"""

from collections import defaultdict
from collections.abc import Collection
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from uuid import UUID

import msgspec
import zstandard
from django.db import connection

from cdp_project.kernel.multirange import positions_in
from connections.models import ItemState
from connections.payload import unpack
from connections.reading.attempts import Attempt, attempts_of
from connections.reading.own import Own
from connections.reading.undelivered import COLUMNS, Undelivered
from connections.verdicts import DELIVERED, FAILED, WAITING, WITHHELD
from events.reasons import REASONS
from events.selectors import EventView

STATES = {
    ItemState.RETRYING: WAITING,
    ItemState.HELD: WAITING,
    ItemState.PARKED: FAILED,
    ItemState.FAILED: FAILED,
    ItemState.WITHHELD: WITHHELD,
}

NOWHERE, UNREADABLE = -1, -2

# By lane row, so that the index by person is used also for outputs whose connection was deleted.
_ROWS = """
SELECT {columns}
FROM delivery_lane l
JOIN delivery_exception e ON e.bucket = l.bucket AND e.output_id = l.output_id AND e.mpid = %(mpid)s
WHERE l.bucket = %(bucket)s AND e.event_id = %(event)s AND e.connection_id = ANY(%(connections)s::bigint[])
"""
_EXCEPTIONS = _ROWS.format(columns=COLUMNS)
# The chunk that was filled last before the event comes first: mostly it is the one.
_COVERING = """
SELECT d.chunk_id, d.connection_id, d.positions, d.done
FROM delivery_lane l
CROSS JOIN LATERAL (
    SELECT * FROM outbox_delivery o
    WHERE o.bucket = l.bucket AND o.output_id = l.output_id AND o.is_open AND o.chunk_seq <= %(seq)s
    UNION ALL
    SELECT * FROM outbox_delivery o
    WHERE o.bucket = l.bucket AND o.output_id = l.output_id AND o.is_gathering AND o.chunk_seq <= %(seq)s
) AS d
JOIN outbox_chunk c ON c.bucket = d.bucket AND c.chunk_id = d.chunk_id AND c.last_seq >= %(seq)s
WHERE l.bucket = %(bucket)s AND d.connection_id = ANY(%(connections)s::bigint[])
ORDER BY d.chunk_seq DESC
"""
_PAYLOAD = "SELECT payload FROM outbox_chunk WHERE bucket = %s AND chunk_id = %s"


@dataclass(frozen=True, slots=True)
class Stop:
    """One connection on the event's way.

    `item_state` is that of its exception (connections.models.ItemState), "" without one; then `attempts` is None,
    for only requests without success are counted. `output_id` is None when it is not known any more.
    """

    connection_id: int
    output_id: int | None
    state: str
    item_state: str = ""
    reason: str = ""
    sentence: str = ""
    attempts: int | None = None
    first_failed_at: datetime | None = None
    last_at: datetime | None = None
    next_at: datetime | None = None
    tries: list[Attempt] = field(default_factory=list)


def journey_of(event: EventView, own: Own) -> list[Stop]:
    """The stops of an event by connection id. Within one look at the database (kernel.database.one_look)."""
    stops = {int(each): _withheld(int(each), own, reason) for each, reason in event.withheld.items()}
    went = [each for each in event.forwarded if each not in stops]
    if event.lane is not None and went:
        stops |= _forwarded(event, event.lane, own, went)
    return [stop for _, stop in sorted(stops.items())]


def _withheld(connection_id: int, own: Own, reason: str) -> Stop:
    return Stop(connection_id, own.outputs.get(connection_id), WITHHELD, "", reason, REASONS.get(reason, reason))


def _forwarded(event: EventView, lane: int, own: Own, went: list[int]) -> dict[int, Stop]:
    exceptions = _exceptions(event, lane, went)
    waiting = _waiting(event, lane, [each for each in went if each not in exceptions])
    tries: defaultdict[int, list[Attempt]] = defaultdict(list)
    for connection_id, attempt in attempts_of(lane, event.event_id, event.received_at):
        tries[connection_id].append(attempt)
    return {
        each: _exceptional(exceptions[each], tries[each])
        if each in exceptions
        else Stop(each, own.outputs.get(each), WAITING if each in waiting else DELIVERED, tries=tries[each])
        for each in went
    }


def _exceptional(item: Undelivered, tries: list[Attempt]) -> Stop:
    return Stop(
        item.connection_id,
        item.output_id,
        STATES[ItemState(item.state)],
        item.state_word,
        item.reason,
        item.sentence,
        item.attempts,
        item.first_failed_at,
        item.last_at,
        item.next_at,
        tries,
    )


def _exceptions(event: EventView, lane: int, connection_ids: Collection[int]) -> dict[int, Undelivered]:
    parameters: dict[str, Any] = {
        "bucket": lane,
        "mpid": event.mpid,
        "event": event.event_id,
        "connections": list(connection_ids),
    }
    with connection.cursor() as cursor:
        cursor.execute(_EXCEPTIONS, parameters)
        return {row[4]: Undelivered(*row) for row in cursor.fetchall()}


def _waiting(event: EventView, lane: int, connection_ids: Collection[int]) -> set[int]:
    """Those of the connections on which the event has not been taken up yet."""
    parameters: dict[str, Any] = {"bucket": lane, "seq": event.accept_seq, "connections": list(connection_ids)}
    with connection.cursor() as cursor:
        cursor.execute(_COVERING, parameters)
        rows: list[tuple[Any, ...]] = cursor.fetchall()
    places: dict[UUID, int] = {}
    waiting: set[int] = set()
    for chunk_id, connection_id, positions, done in rows:
        if chunk_id not in places:
            places[chunk_id] = _place_in(lane, chunk_id, str(event.event_id))
        place = places[chunk_id]
        if place == UNREADABLE or place in set(positions_in(positions)) - set(positions_in(done)):
            waiting.add(connection_id)
        if len(waiting) == len(connection_ids):
            break
    return waiting


def _place_in(lane: int, chunk_id: UUID, event_id: str) -> int:
    """The event's position in a chunk, NOWHERE or UNREADABLE."""
    with connection.cursor() as cursor:
        cursor.execute(_PAYLOAD, [lane, chunk_id])
        row: tuple[Any, ...] | None = cursor.fetchone()
    try:
        batches, _ = unpack(bytes(row[0])) if row else ([], 0)
    except (zstandard.ZstdError, msgspec.MsgspecError):
        return UNREADABLE
    first = 0
    for stored in batches:
        for place, event in enumerate(stored.batch.events, first):
            if event.event_id == event_id:
                return place
        first += stored.item_count
    return NOWHERE
