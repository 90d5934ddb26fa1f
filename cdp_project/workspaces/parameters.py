"""Query parameters that every list shares: read strictly, refused with a sentence that names the parameter."""

from collections.abc import Collection, Mapping
from datetime import UTC, datetime, timedelta
from typing import TypeVar
from uuid import UUID

from django.http import QueryDict

from cdp_project.kernel import cursor
from cdp_project.kernel.cursor import BadCursor
from cdp_project.kernel.errors import Refusal
from cdp_project.workspaces.environment import Environment

T = TypeVar("T")

PAGE, PAGE_MOST = 50, 500
BIGGEST_ID = 2**63 - 1
HOUR = timedelta(hours=1)


def bad_parameter(name: str, rule: str) -> Refusal:
    """400 that says which parameter cannot be used and why."""
    return Refusal(400, "bad_parameter", f"The parameter {name} {rule}.")


def refuse_unknown(query: QueryDict, known: Collection[str]) -> None:
    """A name that is mistyped must not make the answer wider than what was asked for.

    Nor is there a value with a NUL in it anywhere: the database cannot even compare with one.
    """
    for name, values in query.lists():
        if name not in known:
            raise bad_parameter(repr(name)[:100], f"is not known here; known are {', '.join(known)}")
        if len(values) > 1:
            raise bad_parameter(name, "is given more than once")
        if "\0" in values[0]:
            raise bad_parameter(name, "holds a NUL, which no text here has")


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


def position_of(query: Mapping[str, str], kind: type[T]) -> T | None:
    """`cursor`: where the page before ended, as the list's own kind of position."""
    text = query.get("cursor")
    if text is None:
        return None
    try:
        return cursor.decode(text, kind)
    except BadCursor:
        raise bad_parameter("cursor", "is not one that this list gave out; begin without it") from None


def id_of(query: Mapping[str, str], name: str) -> int | None:
    """The number of a thing of the workspace."""
    text = query.get(name)
    if text is None:
        return None
    if not (text.isascii() and text.isdigit() and len(text) <= 19 and int(text) <= BIGGEST_ID):
        raise bad_parameter(name, "is the number of one in this workspace")
    return int(text)


def uuid_of(text: str, name: str) -> UUID:
    """An id of an event or a batch."""
    try:
        return UUID(text)
    except ValueError:
        raise bad_parameter(name, "is an id as this API gives them out (a UUID)") from None


def choice_of(query: Mapping[str, str], name: str, choices: Collection[str]) -> str | None:
    """One of several words."""
    text = query.get(name)
    if text is not None and text not in choices:
        raise bad_parameter(name, f"is one of {', '.join(choices)}")
    return text


def moment_of(query: Mapping[str, str], name: str) -> datetime | None:
    """A moment (ISO 8601, UTC without an offset)."""
    text = query.get(name)
    if text is None:
        return None
    try:
        at = datetime.fromisoformat(text)
        return (at if at.tzinfo else at.replace(tzinfo=UTC)).astimezone(UTC)
    except (ValueError, OverflowError):
        raise bad_parameter(name, "is a time such as 2026-01-31T14:00Z") from None


def moments_of(query: Mapping[str, str]) -> tuple[datetime | None, datetime | None]:
    """`from` and `to`: from the first moment on, and before the other one."""
    first, end = moment_of(query, "from"), moment_of(query, "to")
    if first is not None and end is not None and first > end:
        raise bad_parameter("from", "lies after to")
    return first, end


def hour_of(query: Mapping[str, str], name: str) -> datetime | None:
    """An hour in UTC, by any moment within it (ISO 8601)."""
    at = moment_of(query, name)
    return None if at is None else at.replace(minute=0, second=0, microsecond=0)


def hours_of(query: Mapping[str, str], now: datetime, usual: timedelta, most: timedelta) -> tuple[datetime, datetime]:
    """`from` and `to`: the first hour and the last one, both included; the `usual` time until now unless given."""
    last = hour_of(query, "to") or now.replace(minute=0, second=0, microsecond=0)
    try:
        first = hour_of(query, "from") or last - usual + HOUR
    except OverflowError:
        raise bad_parameter("to", "is too early") from None
    if first > last:
        raise bad_parameter("from", "lies after to")
    if last - first >= most:
        raise bad_parameter("from", f"is at most {most // HOUR} hours before to")
    return first, last
