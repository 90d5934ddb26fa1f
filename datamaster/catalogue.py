"""The names of each workspace: remembered in the process, admitted under the lock row of the workspace."""

import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime

from cdp_project.kernel import bulk
from cdp_project.kernel.database import Connection
from datamaster.names import NAMES_MOST, Name, admit

# How long a full workspace is believed to be full without another look.
FULL_FOR_S = 60.0
# Each workspace holds at most 1,000 names; beyond so many workspaces the oldest memory goes.
WORKSPACES_MOST = 2000


@dataclass(slots=True)
class KnownNames:
    """What this process knows of one workspace."""

    names: set[Name] = field(default_factory=set)
    full_until: float = float("-inf")

    def is_settled(self, name: Name) -> bool:
        """No look into the database is needed to decide about the name."""
        return name in self.names or time.monotonic() < self.full_until


class Catalogue:
    """Names that were committed, by workspace."""

    def __init__(self) -> None:
        self._known: dict[int, KnownNames] = {}

    def of(self, workspace_id: int) -> KnownNames:
        """Memory of the workspace."""
        if workspace_id not in self._known:
            while len(self._known) >= WORKSPACES_MOST:
                self._known.pop(next(iter(self._known)))
            self._known[workspace_id] = KnownNames()
        return self._known[workspace_id]

    def remember(self, workspace_id: int, names: set[Name], *, is_full: bool) -> None:
        """Names of the workspace that stand committed."""
        known = self.of(workspace_id)
        known.names |= names
        if is_full:
            known.full_until = time.monotonic() + FULL_FOR_S


catalogue = Catalogue()
"""The process's own."""


@dataclass(frozen=True, slots=True)
class Admission:
    """All names of a workspace once this transaction is committed, and whether there is room for more."""

    names: set[Name]
    is_full: bool


def admit_new(connection: Connection, workspace_id: int, new: Sequence[Name], now: datetime) -> Admission:
    """Add what there is room for. Holds the workspace's lock row until the transaction ends."""
    names_count = _lock(connection, workspace_id)
    present = _names(connection, workspace_id)
    admitted = admit((name for name in new if name not in present), names_count)
    _insert(connection, workspace_id, admitted, names_count, now)
    return Admission(present | set(admitted), is_full=names_count + len(admitted) >= NAMES_MOST)


def _lock(connection: Connection, workspace_id: int) -> int:
    connection.execute(
        "INSERT INTO catalogue_size (workspace_id, names_count) VALUES (%s, 0) ON CONFLICT DO NOTHING",
        (workspace_id,),
    )
    row = connection.execute(
        "SELECT names_count FROM catalogue_size WHERE workspace_id = %s FOR UPDATE", (workspace_id,)
    ).fetchone()
    return 0 if row is None else int(str(row[0]))


def _names(connection: Connection, workspace_id: int) -> set[Name]:
    rows = connection.execute("SELECT event_type, name FROM catalogue_name WHERE workspace_id = %s", (workspace_id,))
    return {(str(event_type), str(name)) for event_type, name in rows}


def _insert(connection: Connection, workspace_id: int, admitted: list[Name], names_count: int, now: datetime) -> None:
    if not admitted:
        return
    rows = [(workspace_id, *name, now) for name in admitted]
    columns = ("workspace_id", "event_type", "name", "first_seen_at")
    bulk.insert(connection, "catalogue_name", columns, rows, key_width=3)
    connection.execute(
        "UPDATE catalogue_size SET names_count = %s WHERE workspace_id = %s",
        (names_count + len(admitted), workspace_id),
    )
