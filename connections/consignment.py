"""One chunk on its way to one output: how many of its parcels are still to end, and which have. Pure."""

from dataclasses import dataclass, field

from connections.parcels import Origin, Parcel


@dataclass(slots=True, eq=False)
class Consignment:
    """`left` counts the parcels that have not ended or are not recorded yet, `ended` those since the last record.

    `payload` is only kept in hand, so that other outputs find it; `size` is that of its JSON.
    """

    origin: Origin
    left: int
    payload: object
    size: int
    ended: list[Parcel] = field(default_factory=list)

    @property
    def is_through(self) -> bool:
        """Whether nothing of it is on the way any more; it may still have to be recorded."""
        return len(self.ended) == self.left

    def ended_positions(self) -> list[int]:
        """Positions of what has ended since the last record, ascending."""
        return sorted(position for parcel in self.ended for position in parcel.positions)

    def recorded(self) -> None:
        """Everything that has ended so far is in the database."""
        self.left -= len(self.ended)
        self.ended.clear()
