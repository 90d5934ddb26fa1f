"""Reading stored events back."""

import json
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from django.db import connection

from cdp_project.kernel.buckets import bucket_of_mpid
from cdp_project.kernel.cursor import Position
from cdp_project.workspaces.environment import Environment


@dataclass(frozen=True, slots=True)
class EventView:
    """A stored event as it may be shown. `withheld` maps connection id to why it did not get the event."""

    event_id: UUID
    batch_id: UUID
    mpid: int
    input_id: int
    environment: Environment
    event_type: str
    name: str
    occurred_at: datetime
    received_at: datetime
    session_id: int | None
    data: dict[str, Any]
    withheld: dict[str, str]

    @property
    def position(self) -> Position:
        """Where the event stands in a list."""
        return self.occurred_at, self.event_id


_EVENTS = """
SELECT event_id, batch_id, mpid, input_id, environment, event_type, name, occurred_at, received_at, session_id,
       data::text, withheld::text
FROM event
WHERE bucket = %(bucket)s AND mpid = %(mpid)s AND workspace_id = %(workspace)s AND environment = %(environment)s
  AND (%(before_at)s::timestamptz IS NULL OR (occurred_at, event_id) < (%(before_at)s, %(before_id)s::uuid))
ORDER BY occurred_at DESC, event_id DESC
LIMIT %(limit)s
"""


def events_of(
    workspace_id: int, environment: Environment, mpid: int, *, before: Position | None, limit: int
) -> list[EventView]:
    """Events of one person in one workspace, newest first, those before the position if there is one."""
    before_at, before_id = before or (None, None)
    parameters = {
        "bucket": bucket_of_mpid(mpid),
        "mpid": mpid,
        "workspace": workspace_id,
        "environment": int(environment),
        "before_at": before_at,
        "before_id": before_id,
        "limit": limit,
    }
    with connection.cursor() as cursor:
        cursor.execute(_EVENTS, parameters)
        return [_view(*row) for row in cursor.fetchall()]


def _view(*columns: Any) -> EventView:
    values = list(columns)
    values[4] = Environment(values[4])
    values[-2] = json.loads(values[-2])
    values[-1] = json.loads(values[-1]) if values[-1] else {}
    return EventView(*values)
