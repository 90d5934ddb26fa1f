"""Identity values in the database: reading who holds them, locking them, linking them."""

from collections.abc import Iterable, Mapping
from datetime import datetime

from cdp_project.kernel import bulk
from cdp_project.kernel.database import Connection
from identity.holdings import Known, Links
from identity.keys import IdentityKey, PersonKey
from identity.resolve import UNIQUE_TYPES

_KEY = ("bucket", "scope_id", "environment", "identity_type", "digest")
_MAKE = f"ON CONFLICT DO NOTHING RETURNING {', '.join(_KEY)}"
_PERSON = ("bucket", "scope_id", "workspace_id", "environment", "mpid")

NewLink = tuple[IdentityKey, int, datetime]
"""A value, the MPID that gets it, and since when."""


def read(connection: Connection, keys: Iterable[IdentityKey]) -> Links:
    """Who holds these values."""
    found: dict[IdentityKey, dict[int, datetime]] = {}
    for key, (mpid, linked_at) in bulk.lookup(connection, "identity_link", _KEY, keys, ("mpid", "linked_at")):
        found.setdefault(IdentityKey(*key), {})[mpid] = linked_at
    return {**found}


def lock(connection: Connection, values: Mapping[IdentityKey, str]) -> set[IdentityKey]:
    """Hold the lock rows of these values until the transaction ends. Those that were there before are returned.

    A row that is made here is ours already, and nobody can hold its value yet.
    """
    rows = [(*key, value) for key, value in values.items()]
    columns = (*_KEY, "value")
    made = bulk.insert(connection, "identity_key", columns, rows, tail=_MAKE, key_width=len(_KEY))
    present = values.keys() - {IdentityKey(*key) for key in made}
    bulk.lookup(connection, "identity_key", _KEY, present, (), lock=True)
    return present


def insert(connection: Connection, links: Iterable[NewLink]) -> None:
    """Link values to people. The lock rows of the values are held."""
    rows = [(*key, mpid, key.identity_type in UNIQUE_TYPES, linked_at) for key, mpid, linked_at in links]
    columns = (*_KEY, "mpid", "is_unique", "linked_at")
    bulk.insert(connection, "identity_link", columns, rows, key_width=len(_KEY) + 1)


def known_people(connection: Connection, people: Iterable[PersonKey], workspaces: Mapping[int, list[int]]) -> Known:
    """Of these people, those who have a profile in a workspace of their scope, and whether they are known."""
    keys = [
        (person.bucket, person.scope_id, workspace_id, person.environment, person.mpid)
        for person in people
        for workspace_id in workspaces.get(person.scope_id, ())
    ]
    found: Known = {}
    for (_, scope_id, _, environment, mpid), (is_known,) in bulk.lookup(
        connection, "profile", _PERSON, keys, ("is_known",)
    ):
        person = PersonKey(scope_id, environment, mpid)
        found[person] = found.get(person, False) or is_known
    return found
