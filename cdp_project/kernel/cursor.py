"""Keyset cursors: an opaque text that names the last row of a page."""

import base64
import binascii
from datetime import datetime
from uuid import UUID

Position = tuple[datetime, UUID]


class BadCursor(ValueError):
    """The text is no cursor of ours."""


def encode(position: Position) -> str:
    """Opaque, URL-safe text for the position (occurred_at, id) of a page's last row."""
    at, identifier = position
    return base64.urlsafe_b64encode(f"{at.isoformat()}|{identifier.hex}".encode()).decode().rstrip("=")


def decode(text: str) -> Position:
    """Position that `encode` wrote; BadCursor for anything else."""
    try:
        raw = base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True).decode()
        at, _, identifier = raw.partition("|")
        position = datetime.fromisoformat(at), UUID(hex=identifier)
    except (ValueError, binascii.Error) as error:
        raise BadCursor("The cursor is not one that this API gave out.") from error
    if position[0].tzinfo is None:
        raise BadCursor("The cursor is not one that this API gave out.")
    return position
