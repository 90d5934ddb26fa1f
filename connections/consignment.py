"""One chunk on its way to one output: its parcels in order, and how far they are through. Pure."""

from dataclasses import dataclass

from connections.parcels import Origin, Parcel


@dataclass(slots=True, eq=False)
class Consignment:
    """`parcels[:passed]` are through and recorded. `item_end` is the position after the chunk's last item.

    `payload` is only kept in hand, so that other outputs find it; `size` is that of its JSON.
    """

    origin: Origin
    parcels: list[Parcel]
    item_end: int
    payload: object
    size: int
    passed: int = 0

    def passing(self) -> list[Parcel]:
        """Parcels that have ended since the last record, without a gap before them."""
        place = self.passed
        parcels = self.parcels
        while place < len(parcels) and parcels[place].end is not None:
            place += 1
        return parcels[self.passed : place]

    @property
    def is_finished(self) -> bool:
        """Whether all of it is through and recorded."""
        return self.passed == len(self.parcels)

    def done_until(self, passed: int) -> int:
        """Position below which everything is through, when so many parcels are."""
        return self.parcels[passed].positions[0] if passed < len(self.parcels) else self.item_end
