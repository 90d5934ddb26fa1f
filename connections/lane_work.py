"""What one process has in hand of one output in one lane: claimed chunks, the people's line, unrecorded ends. Pure."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from uuid import UUID

from connections.consignment import Consignment
from connections.models import ItemState
from connections.parcels import HELD_BACK, End, Parcel
from connections.people import People
from connections.room import CHUNKS_MOST, Hand, Room

Key = tuple[int, int]
"""Bucket and output."""

ITEMS_MOST = 1000
BYTES_MOST = 4_000_000
# So many people with something to try again mean that the output is sick, not the events: nothing new is
# claimed in the lane, or every waiting event would become a row of its own.
BLOCKED_MOST = 500


@dataclass(slots=True, eq=False)
class LaneWork:
    """One leased lane of one output."""

    bucket: int
    output_id: int
    people: People
    consignments: dict[UUID, Consignment] = field(default_factory=dict)
    changed: list[Parcel] = field(default_factory=list)
    released: set[int] = field(default_factory=set)
    may_have_more: bool = True
    has_due: bool = False
    is_leaving: bool = False
    idle_since: float | None = None

    @property
    def key(self) -> Key:
        return self.bucket, self.output_id

    @property
    def may_claim(self) -> bool:
        """Whether anything new may be claimed at all."""
        return self.may_have_more and not self.is_leaving and len(self.people.blocked) < BLOCKED_MOST

    def room(self, hand: Hand, *, is_paused: bool) -> Room:
        """For how much more there is room: of an output that is paused, for one chunk to probe it with."""
        waiting = self.consignments.values()
        items = sum(consignment.left for consignment in waiting)
        size = sum(consignment.size for consignment in waiting)
        chunks = 0 if is_paused else CHUNKS_MOST
        return Room(hand, ITEMS_MOST - items, BYTES_MOST - size, not self.consignments, chunks)

    @property
    def is_idle(self) -> bool:
        """Nothing in hand and nothing to record."""
        return not (self.consignments or self.changed or self.released) and self.people.is_empty

    @property
    def has_unrecorded(self) -> bool:
        """Whether something has ended that the database does not know yet."""
        return bool(self.changed) or any(
            consignment.ended or consignment.is_through for consignment in self.consignments.values()
        )

    def add(self, consignment: Consignment, parcels: Iterable[Parcel]) -> None:
        """Take in a claimed chunk with its parcels. Those of blocked people are held back at once."""
        self.consignments[consignment.origin.chunk_id] = consignment
        for parcel in parcels:
            if parcel.mpid in self.people.blocked:
                self._hold(parcel)
            else:
                self.people.add(parcel)

    def add_again(self, parcels: Iterable[Parcel]) -> None:
        """Take in parcels with exception rows whose turn has come, in order for each person."""
        for parcel in parcels:
            self.people.add(parcel)

    def finish(self, parcel: Parcel, end: End) -> None:
        """A parcel that was taken from the line has ended for now."""
        self._end(parcel, end)
        if end.item_state is ItemState.RETRYING:
            for behind in self.people.block(parcel):
                self._hold(behind)
        elif not self.people.finish(parcel) and parcel.mpid in self.people.blocked:
            self.released.add(parcel.mpid)

    def _hold(self, parcel: Parcel) -> None:
        if parcel.state is not ItemState.HELD:
            self._end(parcel, HELD_BACK)

    def _end(self, parcel: Parcel, end: End) -> None:
        parcel.end = end
        if parcel.state is None:
            self.consignments[parcel.origin.chunk_id].ended.append(parcel)
        if end.item_state is not None or parcel.state is not None:
            self.changed.append(parcel)

    def recorded(self) -> None:
        """Everything that has ended so far is in the database."""
        self.changed.clear()
        for consignment in list(self.consignments.values()):
            consignment.recorded()
            if not consignment.left:
                del self.consignments[consignment.origin.chunk_id]
