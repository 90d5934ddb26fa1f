"""Keys of identity values: where the rows of a value live. The bucket is the hash of the value. Pure."""

from typing import NamedTuple

from cdp_project.kernel.buckets import bucket_of_digest, bucket_of_mpid, digest
from cdp_project.workspaces.environment import Environment
from events.identity_types import IdentityType


class IdentityKey(NamedTuple):
    """Primary key of `identity_key`, and the beginning of that of `identity_link`."""

    bucket: int
    scope_id: int
    environment: int
    identity_type: int
    digest: bytes


class PersonKey(NamedTuple):
    """A person: an MPID counts within a scope and an environment."""

    scope_id: int
    environment: int
    mpid: int

    @property
    def bucket(self) -> int:
        """Where the person's rows live."""
        return bucket_of_mpid(self.mpid)


# Stands where identity types stand; no type has it.
_MPID = 0


def mpid_key(person: PersonKey) -> IdentityKey:
    """Lock row of a person: of an MPID that a client names, who may have no profile yet, and of whoever logs in."""
    hashed = digest(f"{_MPID}:{person.mpid}")
    return IdentityKey(bucket_of_digest(hashed), person.scope_id, person.environment, _MPID, hashed)


def identity_key(scope_id: int, environment: Environment, kind: IdentityType, value: str) -> IdentityKey:
    """The key of a value of a type. Values are compared as they are, letter by letter."""
    hashed = digest(f"{kind:d}:{value}")
    return IdentityKey(bucket_of_digest(hashed), scope_id, int(environment), int(kind), hashed)
