"""What did not simply go out: the exceptions of deliveries, latest first."""

from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, NamedTuple
from uuid import UUID

from django.db import connection

from cdp_project.kernel.cursor import Moment, Number, SmallNumber
from connections.alert_codes import alert_label
from connections.models import ItemState
from connections.reading.meaning import FITS, meaning_of
from connections.reading.own import Own
from events.reasons import PARKED, REASONS

# The column has a time for what never failed, too: retention counts from it.
COLUMNS = """e.bucket, e.output_id, e.chunk_id, e.position, e.connection_id, e.mpid, e.event_id, e.state, e.reason,
       e.attempts, CASE WHEN e.attempts > 0 THEN e.first_failed_at END, e.last_at, e.next_at"""
"""Of a row `e` of delivery_exception, as `Undelivered` takes them."""

# One look into each lane of the outputs. The index ends with `last_at`, which the first bound narrows.
_LOOK = """
SELECT {columns}
FROM delivery_lane l
CROSS JOIN LATERAL (
    SELECT * FROM delivery_exception d
    WHERE d.bucket = l.bucket AND d.output_id = l.output_id
      AND d.environment = %(environment)s AND d.connection_id = ANY(%(connections)s::bigint[])
      AND (%(state)s::smallint IS NULL OR d.state = %(state)s)
      AND {fits}
      AND (%(mpid)s::bigint IS NULL OR d.mpid = %(mpid)s)
      AND (%(event)s::uuid IS NULL OR d.event_id = %(event)s)
      AND (%(before_at)s::timestamptz IS NULL OR d.last_at <= %(before_at)s)
      AND (%(before_at)s::timestamptz IS NULL OR (d.last_at, d.chunk_id, d.output_id, d.position)
           < (%(before_at)s, %(chunk)s::uuid, %(output)s::bigint, %(position)s::int))
    ORDER BY d.last_at DESC, d.chunk_id DESC, d.output_id DESC, d.position DESC LIMIT %(limit)s
) AS e
WHERE l.output_id = ANY(%(outputs)s::bigint[])
ORDER BY e.last_at DESC, e.chunk_id DESC, e.output_id DESC, e.position DESC LIMIT %(limit)s
"""
_LATEST = _LOOK.format(columns=COLUMNS, fits=FITS)


class ItemPlace(NamedTuple):
    """Where an item stands in the list."""

    last_at: Moment
    chunk_id: UUID
    output_id: Number
    position: SmallNumber


@dataclass(frozen=True, slots=True)
class Undelivered:
    """One event (None: a batch without events) that did not simply go out. `reason` is the code of its last fault.

    `first_failed_at` is None for what never failed. `is_deleted` says that the connection is gone.
    """

    bucket: int
    output_id: int
    chunk_id: UUID
    position: int
    connection_id: int
    mpid: int
    event_id: UUID | None
    state: int
    reason: str
    attempts: int
    first_failed_at: datetime | None
    last_at: datetime
    next_at: datetime | None
    is_deleted: bool = False

    @property
    def state_word(self) -> str:
        return ItemState(self.state).name.lower()

    @property
    def sentence(self) -> str:
        """The reason in words."""
        fault = REASONS.get(self.reason) or alert_label(self.reason)
        return f"{REASONS[PARKED]} The last fault: {fault}" if self.state == ItemState.PARKED else fault

    @property
    def place(self) -> ItemPlace:
        return ItemPlace(self.last_at, self.chunk_id, self.output_id, self.position)


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which items are asked for; None means: whatever it is. `reason` as `meaning_of` takes it."""

    state: ItemState | None = None
    reason: str | None = None
    mpid: int | None = None
    event_id: UUID | None = None


def undelivered(own: Own, wanted: Wanted, *, before: ItemPlace | None, limit: int) -> list[Undelivered]:
    """Items of these connections, the latest change first."""
    last_at, chunk_id, output_id, position = before or (None, None, None, None)
    parameters: dict[str, Any] = {
        "environment": int(own.environment),
        "connections": own.connection_ids,
        "outputs": own.output_ids,
        "state": wanted.state,
        "mpid": wanted.mpid,
        "event": wanted.event_id,
        "before_at": last_at,
        "chunk": chunk_id,
        "output": output_id,
        "position": position,
        "limit": limit,
        **meaning_of(wanted.reason).parameters,
    }
    with connection.cursor() as cursor:
        cursor.execute(_LATEST, parameters)
        found = [Undelivered(*row) for row in cursor.fetchall()]
    return [replace(each, is_deleted=each.connection_id in own.deleted) for each in found]
