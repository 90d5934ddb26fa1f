"""Sessions of a chunk: begun, continued and ended in one statement."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from cdp_project.kernel import bulk
from cdp_project.kernel.buckets import bucket_of_mpid
from events.metrics import SESSION, SESSION_ENDED, SESSION_SECONDS
from events.pipeline import Chunk, Context, EventItem
from events.processing.session_id import session_id

SESSION_END = "session_end"
# Reports leave out what came later (reference EV 59): a clock that says 1970 makes no session of 50 years.
LATE_MOST = timedelta(hours=72)

KEY = ("bucket", "workspace_id", "environment", "mpid", "session_id")
STATE_COLUMNS = ("input_id", "started_at", "last_at", "ended_at", "ended_seq", "received_at", "event_count")
# GREATEST and LEAST pass over NULL: a session that nobody ended has no bound.
_GO_ON = f"""
ON CONFLICT ({", ".join(KEY)}) DO UPDATE SET
    started_at = least(session.started_at, EXCLUDED.started_at),
    last_at = least(greatest(session.last_at, EXCLUDED.last_at), greatest(session.ended_at, EXCLUDED.ended_at)),
    ended_at = greatest(session.ended_at, EXCLUDED.ended_at),
    ended_seq = coalesce(session.ended_seq, EXCLUDED.ended_seq),
    received_at = greatest(session.received_at, EXCLUDED.received_at),
    event_count = session.event_count + EXCLUDED.event_count
RETURNING {", ".join(KEY)}, (xmax = 0), ended_seq, ended_at - started_at
"""
SessionKey = tuple[int, ...]
"""bucket, workspace, environment, mpid, session id."""


@dataclass(slots=True)
class Part:
    """What a chunk knows of one session; the contexts are those of its first event and of its first end."""

    begun_by: Context
    first_at: datetime
    last_at: datetime
    received_at: datetime
    event_count: int = 0
    ended_by: Context | None = None
    ended_at: datetime | None = None

    def row(self, key: SessionKey) -> tuple[object, ...]:
        """Of the table: an ended session's last event is its end."""
        return (
            *key,
            self.begun_by.accepted.input_id,
            self.first_at,
            self.ended_at or self.last_at,
            self.ended_at,
            None if self.ended_by is None else self.ended_by.accepted.accept_seq,
            # To the minute: it is indexed, and a row whose indexes stay is updated in place.
            self.received_at.replace(second=0, microsecond=0),
            self.event_count,
        )


def track(chunk: Chunk) -> None:
    """Begin, continue and end the sessions of a chunk, and count what began and ended. Within the transaction.

    Every event with a session id counts in its session. `session_end` ends it; several ends: the latest time.
    An ended session stays ended: an event that comes after all never moves its end, only another `session_end`
    does, and an earlier event moves its beginning. So the outcome does not depend on the order of arrival.
    Times are held between 72 hours before reception and reception. History makes no sessions.
    """
    parts = _parts(chunk)
    rows = [part.row(key) for key, part in parts.items()]
    columns = (*KEY, *STATE_COLUMNS)
    for *key, is_new, ended_seq, length in bulk.insert(
        chunk.transaction, "session", columns, rows, tail=_GO_ON, key_width=len(KEY)
    ):
        _count(chunk, parts[tuple(key)], ended_seq, length, is_new=is_new)


def _parts(chunk: Chunk) -> dict[SessionKey, Part]:
    parts: dict[SessionKey, Part] = {}
    for context in chunk.open():
        accepted, person = context.accepted, context.person
        if person is None or accepted.is_historical:
            continue
        head = (bucket_of_mpid(person.mpid), accepted.workspace_id, int(accepted.environment), person.mpid)
        for item in context.items:
            if item.outcome is None and (session := session_id(item.event.data)) is not None:
                _add(parts, (*head, session), context, item)
    return parts


def _add(parts: dict[SessionKey, Part], key: SessionKey, context: Context, item: EventItem) -> None:
    received_at = context.accepted.received_at
    at = min(max(item.occurred_at, received_at - LATE_MOST), received_at)
    part = parts.get(key)
    if part is None:
        part = parts[key] = Part(context, at, at, received_at)
    elif at < part.first_at:
        part.first_at = at
    elif at > part.last_at:
        part.last_at = at
    part.event_count += 1
    part.received_at = max(part.received_at, received_at)
    if item.event.event_type == SESSION_END:
        part.ended_by = part.ended_by or context
        part.ended_at = at if part.ended_at is None else max(part.ended_at, at)


def _count(chunk: Chunk, part: Part, ended_seq: int | None, length: timedelta | None, *, is_new: bool) -> None:
    """A session counts where it began, and where it was ended first with the length that it had then."""
    if is_new:
        chunk.count(part.begun_by, SESSION)
    ended_by = part.ended_by
    if ended_by is not None and length is not None and ended_seq == ended_by.accepted.accept_seq:
        chunk.count(ended_by, SESSION_ENDED)
        chunk.count(ended_by, SESSION_SECONDS, by=round(length.total_seconds()))
