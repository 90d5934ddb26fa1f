"""Per-person tables of identity."""

from identity.models.identity import IdentityKey, IdentityLink
from identity.models.profile import PersonCounter, Profile

__all__ = ["IdentityKey", "IdentityLink", "PersonCounter", "Profile"]
