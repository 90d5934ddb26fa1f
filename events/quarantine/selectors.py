"""Reading the quarantine: the list of a workspace, newest first, and one batch with what was sent."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any
from uuid import UUID

import zstandard
from django.db import connection

from cdp_project.kernel.buckets import bucket_of_id
from cdp_project.kernel.cursor import Position
from events.intake import bodies
from events.quarantine.moving import Selection
from events.reasons import REASONS

BODY_CHARACTERS_MOST = 100_000


@dataclass(frozen=True, slots=True)
class QuarantinedBatch:
    """A batch that could not be processed. `reason` is registered in events.reasons, `detail` says more.

    `size_bytes` is that of what was sent, inflated. `encoding` and `body` are as the inbox keeps them; `body` is only
    there when one batch was asked for.
    """

    bucket: int
    batch_id: UUID
    input_id: int
    protocol: str
    is_historical: bool
    received_at: datetime
    quarantined_at: datetime
    event_count: int
    size_bytes: int
    reason: str
    detail: str
    encoding: int = bodies.PLAIN
    body: bytes | None = None

    @property
    def sentence(self) -> str:
        """The reason in words."""
        return REASONS.get(self.reason, self.reason)

    @property
    def position(self) -> Position:
        """Where it stands in the list."""
        return Position(self.quarantined_at, self.batch_id)

    @property
    def text(self) -> str | None:
        """The beginning of what was sent; None when it cannot be inflated or is not there."""
        found = self._text()
        return found and found[:BODY_CHARACTERS_MOST]

    @property
    def is_cut(self) -> bool:
        """Whether `text` is not all of it."""
        return len(self._text() or "") > BODY_CHARACTERS_MOST

    def _text(self) -> str | None:
        if self.body is None:
            return None
        try:
            return bodies.unpack(self.encoding, self.body).decode("utf-8", "replace")
        except zstandard.ZstdError:
            return None


# The first 18 bytes of a body are enough to know its size (bodies.HEADER_BYTES).
_LIST = """
SELECT bucket, batch_id, input_id, protocol, is_historical, received_at, quarantined_at, event_count,
       octet_length(body), reason, detail, encoding, substring(body FROM 1 FOR 18)
FROM quarantine
WHERE workspace_id = %(workspace)s AND environment = %(environment)s
  AND (%(before_at)s::timestamptz IS NULL OR (quarantined_at, batch_id) < (%(before_at)s, %(before_id)s::uuid))
  AND (%(reason)s::text IS NULL OR reason = %(reason)s)
  AND (%(input)s::bigint IS NULL OR input_id = %(input)s)
ORDER BY quarantined_at DESC, batch_id DESC
LIMIT %(limit)s
"""
_ONE = """
SELECT bucket, batch_id, input_id, protocol, is_historical, received_at, quarantined_at, event_count,
       octet_length(body), reason, detail, encoding, substring(body FROM 1 FOR 18), body
FROM quarantine
WHERE bucket = %s AND batch_id = %s AND workspace_id = %s AND environment = %s
"""


def quarantined(selection: Selection, *, before: Position | None, limit: int) -> Sequence[QuarantinedBatch]:
    """Batches of the selection without their bodies, the last to have come into quarantine first."""
    before_at, before_id = before or (None, None)
    parameters: dict[str, Any] = {
        "workspace": selection.workspace_id,
        "environment": int(selection.environment),
        "reason": selection.reason,
        "input": selection.input_id,
        "before_at": before_at,
        "before_id": before_id,
        "limit": limit,
    }
    with connection.cursor() as cursor:
        cursor.execute(_LIST, parameters)
        return [_batch(row) for row in cursor.fetchall()]


def quarantined_batch(selection: Selection, batch_id: UUID) -> QuarantinedBatch | None:
    """One batch with what was sent; None when the workspace has none of this id in its quarantine."""
    with connection.cursor() as cursor:
        # The id carries the lane's bucket.
        cursor.execute(_ONE, [bucket_of_id(batch_id), batch_id, selection.workspace_id, int(selection.environment)])
        row: tuple[Any, ...] | None = cursor.fetchone()
    if row is None:
        return None
    *columns, body = row
    return replace(_batch(columns), body=bytes(body))


def _batch(columns: Sequence[Any]) -> QuarantinedBatch:
    *shown, beginning = columns
    found = QuarantinedBatch(*shown)
    return replace(found, size_bytes=bodies.sent_bytes(found.encoding, bytes(beginning), found.size_bytes))
