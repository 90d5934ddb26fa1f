"""Which items are meant to go again: found in order of their last fault, a bounded number of them."""

from collections import defaultdict
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from cdp_project.kernel.database import Connection
from connections.models import ItemState
from connections.reading.meaning import FITS, meaning_of
from connections.reading.own import Own
from events.reasons import CONNECTION_OFF, OUTPUT_OFF

# What one call takes: the hour of each event is read from its chunk's payload.
ITEMS_MOST, CHUNKS_MOST = 10_000, 500
SWITCHED_OFF = (OUTPUT_OFF, CONNECTION_OFF)
"""Of what was withheld after it was forwarded only this is kept: what was deleted has nowhere to go."""

# Without its delivery an item is told of, and nothing is left to send. What is due needs no haste.
_CHOICE = """
SELECT e.bucket, e.output_id, e.chunk_id, e.position
FROM delivery_lane l
CROSS JOIN LATERAL (
    SELECT * FROM delivery_exception d
    WHERE d.bucket = l.bucket AND d.output_id = l.output_id AND d.state = %(state)s
      AND d.environment = %(environment)s AND d.connection_id = ANY(%(connections)s::bigint[])
      AND {fits}
      AND (%(people)s::bigint[] IS NULL OR d.mpid = ANY(%(people)s::bigint[]))
      AND (%(events)s::uuid[] IS NULL OR d.event_id = ANY(%(events)s::uuid[]))
      AND (%(later_than)s::timestamptz IS NULL OR d.next_at > %(later_than)s)
      AND (%(withheld_as)s::text[] IS NULL OR d.reason = ANY(%(withheld_as)s))
      AND EXISTS (SELECT 1 FROM outbox_delivery o
                  WHERE o.bucket = d.bucket AND o.output_id = d.output_id AND o.chunk_id = d.chunk_id)
    ORDER BY d.last_at LIMIT %(most)s
) AS e
WHERE l.output_id = ANY(%(outputs)s::bigint[])
ORDER BY e.last_at, e.chunk_id, e.position LIMIT %(most)s
"""
_CHOSEN = _CHOICE.format(fits=FITS)

Item = tuple[int, int, UUID, int]
"""Bucket, output, chunk and position."""


@dataclass(frozen=True, slots=True)
class Selection:
    """Which items are meant: of these connections, in this state; `reason` as `meaning_of` takes it.

    `people` are those of `event_ids`, where all of them are known: exceptions are found by person.
    """

    own: Own
    state: ItemState
    reason: str | None = None
    event_ids: Sequence[UUID] | None = None
    people: Collection[int] | None = None


@dataclass(frozen=True, slots=True)
class Taken:
    """How many items go again, and whether more of the selection are left for another call."""

    items: int
    is_more: bool


def choose(connection: Connection, selection: Selection, now: datetime) -> tuple[list[Item], bool]:
    """The items whose last fault is the oldest, of so many chunks at most; and whether there are more."""
    found: list[tuple[Any, ...]] = connection.execute(_CHOSEN, parameters(selection, now)).fetchall()
    by_chunk: defaultdict[tuple[int, UUID], list[Item]] = defaultdict(list)
    for bucket, output_id, chunk_id, position in found[:ITEMS_MOST]:
        by_chunk[bucket, chunk_id].append((bucket, output_id, chunk_id, position))
    chosen = [item for items in list(by_chunk.values())[:CHUNKS_MOST] for item in items]
    return chosen, len(chosen) < len(found)


def parameters(selection: Selection, now: datetime) -> dict[str, Any]:
    """What the statement takes."""
    state = selection.state
    return {
        "state": state,
        "environment": int(selection.own.environment),
        "connections": selection.own.connection_ids,
        "outputs": selection.own.output_ids,
        "people": None if selection.people is None else sorted(selection.people),
        "events": None if selection.event_ids is None else list(selection.event_ids),
        "later_than": now if state is ItemState.RETRYING else None,
        "withheld_as": list(SWITCHED_OFF) if state is ItemState.WITHHELD else None,
        "most": ITEMS_MOST + 1,
        **meaning_of(selection.reason).parameters,
    }
