"""What is to be recorded of lanes: exception rows, how far deliveries are, counters. Pure."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime

from cdp_project.kernel import multirange
from connections import alerts
from connections.alerts import Alerts
from connections.consignment import Consignment
from connections.lane_work import LaneWork
from connections.models import ItemState
from connections.parcels import HELD_BACK, End, Origin, Parcel
from connections.verdicts import MOVED, WAITING, Tally
from events.reasons import HELD, RETRYING

WAITED_AS = {None: MOVED, ItemState.RETRYING: RETRYING, ItemState.HELD: HELD}
"""Under which reason a parcel waited until now, by the state of its exception rows."""

Row = tuple[object, ...]


@dataclass(slots=True)
class Progress:
    """Rows to write. `advanced` holds (origin, positions that are through as a multirange, is finished).

    `moved_on` names people, as (bucket, output, mpid), whose next held item is due now.
    """

    upserts: list[Row] = field(default_factory=list)
    deletes: list[Row] = field(default_factory=list)
    advanced: list[tuple[Origin, str, bool]] = field(default_factory=list)
    emptied: set[Origin] = field(default_factory=set)
    moved_on: set[tuple[int, int, int]] = field(default_factory=set)
    tally: Tally = field(default_factory=Tally)
    alerts: Alerts = field(default_factory=Alerts)


def progress_of(lanes: Iterable[LaneWork], now: datetime) -> Progress:
    """Everything that has ended in these lanes since the last record."""
    progress = Progress()
    for lane in lanes:
        for parcel in lane.changed:
            _change(progress, parcel, now)
        # Behind what was recorded before, something may have been held back since.
        progress.moved_on |= {(*lane.key, mpid) for mpid in lane.released}
        for consignment in lane.consignments.values():
            _advance(progress, consignment)
    return progress


def _change(progress: Progress, parcel: Parcel, now: datetime) -> None:
    """A parcel that gets exception rows, or has some."""
    end = _ended(parcel)
    _count(progress.tally, parcel, end)
    alerts.add(progress.alerts, parcel, end, now)
    origin = parcel.origin
    _move_on(progress.moved_on, parcel, end)
    key = (origin.bucket, origin.output_id, origin.chunk_id)
    if end.item_state is None or end.item_state is ItemState.WITHHELD:
        # Perhaps nobody needs its payload any more.
        progress.emptied.add(origin)
    if end.item_state is None:
        progress.deletes.extend((*key, position) for position in parcel.positions)
        return
    who = (origin.connection_id, origin.environment, parcel.mpid)
    first_failed_at = parcel.first_failed_at or now
    rest = (int(end.item_state), end.detail, parcel.attempts, first_failed_at, now, end.next_at)
    progress.upserts.extend((*key, position, *who, event_id, *rest) for position, event_id in parcel.items())


def _move_on(moved_on: set[tuple[int, int, int]], parcel: Parcel, end: End) -> None:
    """Parcels of a person end in order: what the last of them came to decides whether the next is due."""
    person = (parcel.origin.bucket, parcel.origin.output_id, parcel.mpid)
    if end.item_state is ItemState.RETRYING:
        moved_on.discard(person)
    elif parcel.state is not None and end is not HELD_BACK:
        moved_on.add(person)


def _advance(progress: Progress, consignment: Consignment) -> None:
    for parcel in consignment.ended:
        if _ended(parcel).item_state is None:
            _count(progress.tally, parcel, _ended(parcel))
    if consignment.ended or consignment.is_through:
        done = multirange.text_of(consignment.ended_positions())
        progress.advanced.append((consignment.origin, done, consignment.is_through))


def _count(tally: Tally, parcel: Parcel, end: End) -> None:
    waited_as = WAITED_AS[parcel.state]
    where = parcel.origin.bucket, parcel.origin.connection_id, parcel.origin.environment
    for hour_ms in parcel.hours_ms():
        tally[*where, hour_ms, WAITING, waited_as] -= 1
        tally[*where, hour_ms, end.state, end.reason] += 1


def _ended(parcel: Parcel) -> End:
    if parcel.end is None:
        raise ValueError("Only what has ended is recorded.")
    return parcel.end
