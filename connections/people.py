"""The waiting line of one output in one lane: in order for each person, side by side across people. Pure."""

from collections import deque
from collections.abc import Iterable

from connections.parcels import Parcel


class People:
    """Hands out parcels so that a person never has two on the way.

    A blocked person has a parcel that is to be tried again; what comes later for that person waits in the
    database, not here.
    """

    def __init__(self, blocked: Iterable[int] = ()) -> None:
        self.blocked = set(blocked)
        self._ready: deque[Parcel] = deque()
        # People with a parcel that is ready or on the way, each with those that wait behind it.
        self._lines: dict[int, deque[Parcel] | None] = {}

    @property
    def is_ready(self) -> bool:
        """Whether `take` has something to give."""
        return bool(self._ready)

    @property
    def is_empty(self) -> bool:
        """Whether nothing waits and nothing is on the way."""
        return not self._lines

    def unblock(self, people: Iterable[int]) -> None:
        """Nothing of these people waits in the database any more."""
        self.blocked.difference_update(people)

    def has(self, mpid: int) -> bool:
        """Whether a parcel of the person waits here or is on the way."""
        return mpid in self._lines

    def add(self, parcel: Parcel) -> None:
        """Put the parcel behind those of the same person."""
        mpid = parcel.mpid
        if mpid not in self._lines:
            self._lines[mpid] = None
            self._ready.append(parcel)
            return
        line = self._lines[mpid]
        if line is None:
            line = self._lines[mpid] = deque()
        line.append(parcel)

    def next(self) -> Parcel:
        """What `take` would give; IndexError when there is nothing."""
        return self._ready[0]

    def take(self) -> Parcel:
        """The next parcel that may be sent; IndexError when there is none."""
        return self._ready.popleft()

    def finish(self, parcel: Parcel) -> bool:
        """The parcel taken is through; the person's next one is ready. False when the person has no more here."""
        line = self._lines[parcel.mpid]
        if line:
            self._ready.append(line.popleft())
            return True
        del self._lines[parcel.mpid]
        return False

    def block(self, parcel: Parcel) -> list[Parcel]:
        """The parcel taken must be tried again: whatever waits behind it is handed back, in order."""
        line = self._lines.pop(parcel.mpid)
        self.blocked.add(parcel.mpid)
        return list(line or ())
