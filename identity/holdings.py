"""Who holds which identity value, as read from the database, with what the chunk adds as it is decided. Pure."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime

from identity.keys import IdentityKey, PersonKey
from identity.resolve import Holder

Links = dict[IdentityKey, Mapping[int, datetime]]
"""MPIDs that hold a value, with the time at which each got it. Values that nobody holds are missing."""

Known = dict[PersonKey, bool]
"""People who exist, and whether they are known."""

_NOBODY: Mapping[int, datetime] = {}


@dataclass(slots=True)
class Holdings:
    """What is known at one point of the chunk."""

    links: Links = field(default_factory=dict)
    known: Known = field(default_factory=dict)

    def mpids(self, key: IdentityKey) -> Mapping[int, datetime]:
        """Who holds the value."""
        return self.links.get(key, _NOBODY)

    def holders(self, key: IdentityKey) -> list[Holder]:
        """The same in the form that `resolve` decides on."""
        return [
            Holder(mpid, self.known.get(PersonKey(key.scope_id, key.environment, mpid), False), linked_at)
            for mpid, linked_at in self.mpids(key).items()
        ]

    def people(self, keys: Iterable[IdentityKey]) -> set[PersonKey]:
        """Everybody who holds one of the values."""
        return {PersonKey(key.scope_id, key.environment, mpid) for key in keys for mpid in self.mpids(key)}

    def add(self, key: IdentityKey, mpid: int, at: datetime) -> None:
        """From now on this person holds the value, too. What was read is left as it is."""
        self.links[key] = {**self.mpids(key), mpid: at}
