"""Query parameters that name people and pages: read strictly, refused with a sentence that names the parameter."""

from collections.abc import Mapping
from dataclasses import dataclass

from cdp_project.kernel import cursor
from cdp_project.kernel.cursor import BadCursor, Position
from cdp_project.kernel.errors import Refusal
from cdp_project.workspaces.environment import Environment
from events.decoding.limits import IDENTITY_CHARACTERS_MOST, INTEGER_LEAST, INTEGER_MOST
from events.identity_types import IdentityType, identity_type

PAGE, PAGE_MOST = 50, 500


@dataclass(frozen=True, slots=True)
class NamedIdentity:
    """A person by one of their identities."""

    kind: IdentityType
    value: str


def bad_parameter(name: str, rule: str) -> Refusal:
    """400 that says which parameter cannot be used and why."""
    return Refusal(400, "bad_parameter", f"The parameter {name} {rule}.")


def environment_of(query: Mapping[str, str]) -> Environment:
    """`environment`; production unless it is given."""
    found = Environment.of(query.get("environment", Environment.PRODUCTION.word))
    if found is None:
        raise bad_parameter("environment", "is production or development")
    return found


def limit_of(query: Mapping[str, str]) -> int:
    """`limit`: how many results make a page."""
    text = query.get("limit", str(PAGE))
    if not (text.isascii() and text.isdigit() and len(text) <= 4 and 1 <= int(text) <= PAGE_MOST):
        raise bad_parameter("limit", f"is a whole number from 1 to {PAGE_MOST}")
    return int(text)


def position_of(query: Mapping[str, str]) -> Position | None:
    """`cursor`: where the page before ended."""
    text = query.get("cursor")
    if text is None:
        return None
    try:
        return cursor.decode(text)
    except BadCursor:
        raise bad_parameter("cursor", "is not one that this API gave out; begin without it") from None


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


def person_of(query: Mapping[str, str]) -> NamedIdentity | int:
    """The person asked for: `mpid`, or `identity_type` with `identity`; exactly one of the two ways."""
    if "mpid" not in query:
        return identity_of(query)
    if "identity" in query or "identity_type" in query:
        raise bad_parameter("mpid", "cannot be combined with identity_type and identity")
    return mpid_of(query["mpid"])
