"""Try again what has ended without success: such items have another 72 hours, and the rows tell deliveries so.

Parked and refused ones, and those that were withheld because their output or connection was switched off meanwhile.

All of them are due at once as items to be tried again; the loop that has the lane takes them up in the order of
acceptance, one at a time for each person, and holds the others back when the first of them fails. Rows and counters
change in one transaction.
"""

from collections.abc import Iterable
from datetime import datetime
from typing import Any
from uuid import UUID

import msgspec
import structlog
import zstandard

from cdp_project.kernel import bulk
from cdp_project.kernel.database import Connection
from connections import verdicts
from connections.choosing import Selection, Taken, choose
from connections.models import ItemState
from connections.parcels import refused_as
from connections.payload import unpack
from connections.verdicts import FAILED, WAITING, WITHHELD, Tally, report_hour_ms
from events.reasons import PARKED, RETRYING

log = structlog.get_logger(__name__)

_PAYLOAD = "SELECT payload FROM outbox_chunk WHERE bucket = %s AND chunk_id = %s"
_AGAIN = """
UPDATE delivery_exception e SET state = %s, first_failed_at = %s, next_at = %s
FROM unnest(%s::smallint[], %s::bigint[], %s::uuid[], %s::int[]) AS k (bucket, output_id, chunk_id, position)
WHERE e.bucket = k.bucket AND e.output_id = k.output_id AND e.chunk_id = k.chunk_id AND e.position = k.position
"""
_KEY = ("bucket", "output_id", "chunk_id", "position")

Hours = dict[tuple[int, UUID], list[int | None]]
"""For each chunk the hour that each of its items is reported in; None for a batch without events."""


def retry(connection: Connection, selection: Selection, now: datetime) -> Taken:
    """Let parked, failed or withheld items be tried again. Within a transaction; wake deliveries after it."""
    items, is_more = choose(connection, selection, now)
    hours = _hours(connection, {(bucket, chunk_id) for bucket, _, chunk_id, _ in items})
    columns = ("state", "reason", "connection_id", "environment")
    locked = bulk.lookup(connection, "delivery_exception", _KEY, items, columns, lock=True)
    # Of two who want the same, the second finds it in another state.
    kept = [(key, *rest) for key, (state, *rest) in locked if state == selection.state and (key[0], key[2]) in hours]
    if kept:
        keys = [list(column) for column in zip(*(key for key, *_ in kept), strict=True)]
        connection.execute(_AGAIN, [ItemState.RETRYING, now, now, *keys])
        verdicts.write(connection, _moved(kept, hours, selection.state))
    return Taken(len(kept), is_more)


def _hours(connection: Connection, chunks: Iterable[tuple[int, UUID]]) -> Hours:
    """Read one payload after the other: together they may be large. What cannot be read is left where it is."""
    found: Hours = {}
    for bucket, chunk_id in sorted(chunks):
        row: tuple[Any, ...] | None = connection.execute(_PAYLOAD, (bucket, chunk_id)).fetchone()
        try:
            if row is not None:
                found[bucket, chunk_id] = _hours_in(bytes(row[0]))
        except (zstandard.ZstdError, msgspec.MsgspecError) as error:
            log.error("a payload of the outbox cannot be read", chunk=str(chunk_id), error=str(error))  # noqa: TRY400
    return found


def _hours_in(payload: bytes) -> list[int | None]:
    batches, _ = unpack(payload)
    return [
        None if event is None else report_hour_ms(event.occurred_at_ms, stored.batch.received_at_ms)
        for stored in batches
        for event in stored.batch.events or (None,)
    ]


def _moved(kept: Iterable[tuple[Any, ...]], hours: Hours, state: ItemState) -> Tally:
    """To waiting, each event in its hour."""
    tally = Tally()
    for (bucket, _, chunk_id, position), fault, connection_id, environment in kept:
        hour_ms = hours[bucket, chunk_id][position]
        if hour_ms is not None:
            where = bucket, connection_id, environment, hour_ms
            tally[*where, *_counted(state, fault)] -= 1
            tally[*where, WAITING, RETRYING] += 1
    return tally


def _counted(state: ItemState, fault: str) -> tuple[str, str]:
    """The state and reason that an item which has ended counts under."""
    if state is ItemState.WITHHELD:
        return WITHHELD, fault
    return FAILED, PARKED if state is ItemState.PARKED else refused_as(fault)
