"""Keyset cursors: an opaque text that names the last row of a page."""

import base64
import binascii
from datetime import datetime
from typing import Annotated, Any, NamedTuple, TypeVar
from uuid import UUID

import msgspec

T = TypeVar("T")

Moment = Annotated[datetime, msgspec.Meta(tz=True)]
Number = Annotated[int, msgspec.Meta(ge=-(2**63), le=2**63 - 1)]
"""What a bigint column holds."""
SmallNumber = Annotated[int, msgspec.Meta(ge=-(2**31), le=2**31 - 1)]
"""What an integer column holds."""
Word = Annotated[str, msgspec.Meta(pattern=r"^[^\x00]*$")]
"""What a text column holds: PostgreSQL refuses NUL."""


class Position(NamedTuple):
    """The usual one: when, and the id that tells apart what happened at the same time. Others are like it."""

    at: Moment
    row_id: UUID


class BadCursor(ValueError):
    """The text is no cursor of ours."""


def encode(position: tuple[Any, ...]) -> str:
    """Opaque, URL-safe text for the position of a page's last row: times, ids, numbers and words."""
    return base64.urlsafe_b64encode(msgspec.json.encode(position)).decode().rstrip("=")


def decode(text: str, kind: type[T]) -> T:
    """The position, of the type that `encode` was given; BadCursor for anything else."""
    try:
        raw = base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True)
        return msgspec.json.decode(raw, type=kind)
    except (ValueError, binascii.Error) as error:
        raise BadCursor("The cursor is not one that this API gave out.") from error
