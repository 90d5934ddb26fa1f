"""Query parameters that name people: read strictly, refused with a sentence that names the parameter."""

from collections.abc import Mapping
from dataclasses import dataclass

from drf_spectacular.utils import OpenApiParameter

from cdp_project.workspaces.parameters import bad_parameter
from events.decoding.limits import IDENTITY_CHARACTERS_MOST, INTEGER_LEAST, INTEGER_MOST
from events.identity_types import IdentityType, identity_type

IDENTITY = (
    OpenApiParameter("identity_type", str, description="For example customer_id or email."),
    OpenApiParameter("identity", str, description="The value of that type."),
)
MPID = OpenApiParameter("mpid", str, description="Instead of identity_type and identity.")


@dataclass(frozen=True, slots=True)
class NamedIdentity:
    """A person by one of their identities."""

    kind: IdentityType
    value: str


def identity_of(query: Mapping[str, str]) -> NamedIdentity:
    """`identity_type` and `identity`."""
    word, value = query.get("identity_type"), query.get("identity", "").strip()
    if word is None or (kind := identity_type(word)) is None:
        raise bad_parameter("identity_type", "names an identity type, for example customer_id or email")
    if not value or len(value) > IDENTITY_CHARACTERS_MOST or "\0" in value:
        raise bad_parameter("identity", f"is the identity's value, 1 to {IDENTITY_CHARACTERS_MOST} characters")
    return NamedIdentity(kind, value)


def mpid_of(text: str) -> int:
    """An MPID, which is a signed 64-bit number."""
    digits = text.removeprefix("-")
    if digits.isascii() and digits.isdigit() and len(digits) <= 19 and INTEGER_LEAST <= int(text) <= INTEGER_MOST:
        return int(text)
    raise bad_parameter("mpid", "is a whole number of 64 bits")


def person_of(query: Mapping[str, str]) -> NamedIdentity | int | None:
    """The person asked for: `mpid`, or `identity_type` with `identity`; None when nobody is named."""
    is_named = "identity" in query or "identity_type" in query
    if "mpid" not in query:
        return identity_of(query) if is_named else None
    if is_named:
        raise bad_parameter("mpid", "cannot be combined with identity_type and identity")
    return mpid_of(query["mpid"])
