"""What became of one event on each connection, told from rows and never from counters.

Withheld when it was forwarded: it stands on the event's row. Else it is what its exception says; without one it waits
while a chunk of the outbox still has it, and was delivered when none has.
"""

from collections import defaultdict
from collections.abc import Collection
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from django.db import connection

from connections.models import ItemState
from connections.reading.attempts import Attempt, attempts_of
from connections.reading.own import Own
from connections.reading.undelivered import COLUMNS, Undelivered
from connections.reading.waiting import waiting_on
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

# By lane row, so that the index by person is used also for outputs whose connection was deleted.
_ROWS = """
SELECT {columns}
FROM delivery_lane l
JOIN delivery_exception e ON e.bucket = l.bucket AND e.output_id = l.output_id AND e.mpid = %(mpid)s
WHERE l.bucket = %(bucket)s AND e.event_id = %(event)s AND e.connection_id = ANY(%(connections)s::bigint[])
"""
_EXCEPTIONS = _ROWS.format(columns=COLUMNS)


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
    waiting = waiting_on(event, lane, [each for each in went if each not in exceptions])
    tries: defaultdict[int, list[Attempt]] = defaultdict(list)
    for connection_id, attempt in attempts_of(lane, event.event_id, event.received_at):
        tries[connection_id].append(attempt)
    return {
        each: _exceptional(exceptions[each], tries[each])
        if each in exceptions
        else _simple(each, own, waiting.get(each), tries[each])
        for each in went
    }


def _simple(connection_id: int, own: Own, waits_as: str | None, tries: list[Attempt]) -> Stop:
    """Of an event without an exception: it waits for this reason, or went (None)."""
    state = DELIVERED if waits_as is None else WAITING
    sentence = REASONS[waits_as] if waits_as else ""
    return Stop(connection_id, own.outputs.get(connection_id), state, "", waits_as or "", sentence, tries=tries)


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
