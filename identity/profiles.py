"""Profiles in the database: read under lock, made, written back; whole sets in one statement each."""

from collections.abc import Iterable, Mapping
from typing import NamedTuple

from cdp_project.kernel import bulk
from cdp_project.kernel.database import Connection
from identity.profile import ProfileState

RESOLVED, CLIENT = 1, 2
"""`origin`: made by resolution, or for an MPID that a client named."""

_KEY = ("bucket", "scope_id", "workspace_id", "environment", "mpid")
_STATE_COLUMNS = (
    "person_no",
    "origin",
    "is_known",
    "first_seen_at",
    "last_seen_at",
    "last_seq",
    "attributes",
    "identities",
    "devices",
    "consent",
    "forgotten",
    "late_count",
    "identity_times",
)
_CHANGING = tuple(name for name in _STATE_COLUMNS if name not in {"person_no", "origin"})
_WRITE_BACK = (
    f"ON CONFLICT ({', '.join(_KEY)}) DO UPDATE SET {', '.join(f'{name} = EXCLUDED.{name}' for name in _CHANGING)}"
)
_MAKE = f"ON CONFLICT DO NOTHING RETURNING {', '.join(_KEY)}"


class ProfileKey(NamedTuple):
    """Primary key of a profile."""

    bucket: int
    scope_id: int
    workspace_id: int
    environment: int
    mpid: int


Profiles = dict[ProfileKey, ProfileState]


def read(connection: Connection, keys: Iterable[ProfileKey], *, lock: bool) -> Profiles:
    """The profiles that there are; `lock` holds them until the transaction ends."""
    rows = bulk.lookup(connection, "profile", _KEY, keys, _STATE_COLUMNS, lock=lock)
    return {ProfileKey(*key): ProfileState(*values) for key, values in rows}


def make(connection: Connection, profiles: Mapping[ProfileKey, ProfileState]) -> set[ProfileKey]:
    """Insert new profiles; those missing from the answer were made by somebody else meanwhile."""
    rows = [_row(key, state) for key, state in profiles.items()]
    columns = (*_KEY, *_STATE_COLUMNS)
    made = bulk.insert(connection, "profile", columns, rows, tail=_MAKE, key_width=len(_KEY))
    return {ProfileKey(*row) for row in made}


def write_back(connection: Connection, profiles: Mapping[ProfileKey, ProfileState]) -> None:
    """Store profiles that were read under lock."""
    rows = [_row(key, state) for key, state in profiles.items()]
    columns = (*_KEY, *_STATE_COLUMNS)
    bulk.insert(connection, "profile", columns, rows, tail=_WRITE_BACK, key_width=len(_KEY))


def _row(key: ProfileKey, state: ProfileState) -> tuple[object, ...]:
    return (
        *key,
        state.person_no,
        state.origin,
        state.is_known,
        state.first_seen_at,
        state.last_seen_at,
        state.last_seq,
        state.attributes,
        state.identities,
        state.devices,
        state.consent,
        state.forgotten,
        state.late_count,
        state.identity_times,
    )
