"""Reading the sessions of a person back."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any, NamedTuple

from django.db import connection

from cdp_project.kernel.buckets import bucket_of_mpid
from cdp_project.kernel.cursor import Moment, Number
from cdp_project.workspaces.environment import Environment

_SESSIONS = """
SELECT session_id, input_id, started_at, last_at, ended_at, event_count FROM session
WHERE bucket = %(bucket)s AND mpid = %(mpid)s AND workspace_id = %(workspace)s AND environment = %(environment)s
  AND (%(before_at)s::timestamptz IS NULL OR (started_at, session_id) < (%(before_at)s, %(before_id)s::bigint))
ORDER BY started_at DESC, session_id DESC LIMIT %(limit)s
"""


class SessionPlace(NamedTuple):
    """Where a session stands in the list."""

    started_at: Moment
    session_id: Number


@dataclass(frozen=True, slots=True)
class SessionView:
    """A session as it may be shown. `ended_at` None means: still open."""

    session_id: int
    input_id: int
    started_at: datetime
    last_at: datetime
    ended_at: datetime | None
    event_count: int

    @property
    def place(self) -> SessionPlace:
        return SessionPlace(self.started_at, self.session_id)


def sessions_of(
    workspace_id: int, environment: Environment, mpid: int, *, before: SessionPlace | None, limit: int
) -> list[SessionView]:
    """Sessions of a person in one workspace, the last to have begun first."""
    before_at, before_id = before or (None, None)
    parameters: dict[str, Any] = {
        "bucket": bucket_of_mpid(mpid),
        "mpid": mpid,
        "workspace": workspace_id,
        "environment": int(environment),
        "before_at": before_at,
        "before_id": before_id,
        "limit": limit,
    }
    with connection.cursor() as cursor:
        cursor.execute(_SESSIONS, parameters)
        return [SessionView(*row) for row in cursor.fetchall()]
