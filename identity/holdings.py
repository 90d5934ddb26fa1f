"""Who holds which identity value, as read from the database, with what the chunk adds as it is decided. Pure."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime

from events.identity_types import IdentityType
from identity.keys import IdentityKey, PersonKey
from identity.resolve import Holder, Holders

Links = dict[IdentityKey, dict[int, datetime]]
"""MPIDs that hold a value, with the time at which each got it."""


@dataclass(slots=True)
class Holdings:
    """What is known of the identities of a chunk. `known` says of each person met whether they are known."""

    links: Links = field(default_factory=dict)
    known: dict[PersonKey, bool] = field(default_factory=dict)

    def mpids(self, key: IdentityKey) -> Mapping[int, datetime]:
        """Who holds the value."""
        return self.links.get(key, {})

    def holders(self, keys: Mapping[IdentityType, IdentityKey]) -> Holders:
        """The same for each identity of a batch, in the form that `resolve` decides on."""
        return {kind: self._holders(key) for kind, key in keys.items() if key in self.links}

    def _holders(self, key: IdentityKey) -> list[Holder]:
        return [
            Holder(mpid, self.known.get(PersonKey(key.scope_id, key.environment, mpid), False), linked_at)
            for mpid, linked_at in self.links[key].items()
        ]

    def people(self, keys: Iterable[IdentityKey]) -> set[PersonKey]:
        """Everybody who holds one of the values."""
        return {PersonKey(key.scope_id, key.environment, mpid) for key in keys for mpid in self.mpids(key)}

    def add(self, key: IdentityKey, mpid: int, at: datetime) -> None:
        """From now on this person holds the value, too."""
        self.links.setdefault(key, {})[mpid] = at
