"""Counts of accepted events by what became of them, in one look: accepted = waiting + stored + not stored."""

from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from django.db import connection

from cdp_project.kernel.buckets import bucket_of_number
from cdp_project.workspaces.environment import Environment
from events.metrics import OUTCOME, STORED

# Both levels and the inbox in one statement: what moves from one to the other meanwhile is counted once.
_COUNTS = """
SELECT label, sum(count)::bigint FROM (
    SELECT input_id, label, count FROM rollup_hour
    WHERE bucket = %(bucket)s AND workspace_id = %(workspace)s AND environment = %(environment)s
      AND metric = %(metric)s AND hour BETWEEN %(first)s AND %(last)s
    UNION ALL
    SELECT input_id, label, count FROM rollup_partial
    WHERE workspace_id = %(workspace)s AND environment = %(environment)s
      AND metric = %(metric)s AND hour BETWEEN %(first)s AND %(last)s
    UNION ALL
    SELECT input_id, NULL, event_count FROM inbox
    WHERE workspace_id = %(workspace)s AND environment = %(environment)s
      AND received_at >= %(first)s AND received_at < %(last)s::timestamptz + interval '1 hour'
) AS counted
WHERE %(input)s::bigint IS NULL OR input_id = %(input)s
GROUP BY label HAVING sum(count) <> 0 ORDER BY label
"""


@dataclass(frozen=True, slots=True)
class Outcomes:
    """Events accepted in the hours from `first` to `last`, both included; `not_stored` by reason (events.reasons)."""

    first: datetime
    last: datetime
    waiting: int = 0
    stored: int = 0
    not_stored: dict[str, int] = field(default_factory=dict)

    @property
    def accepted(self) -> int:
        """All of them."""
        return self.waiting + self.stored + sum(self.not_stored.values())


def outcomes(
    workspace_id: int, environment: Environment, hours: tuple[datetime, datetime], input_id: int | None = None
) -> Outcomes:
    """By hour of acceptance, of all inputs or one. Reads all that waits: for a person who asks, not for a loop."""
    first, last = hours
    parameters: dict[str, Any] = {
        "bucket": bucket_of_number(workspace_id),
        "workspace": workspace_id,
        "environment": int(environment),
        "metric": OUTCOME,
        "first": first,
        "last": last,
        "input": input_id,
    }
    with connection.cursor() as cursor:
        cursor.execute(_COUNTS, parameters)
        counts: dict[str | None, int] = dict(cursor.fetchall())
    waiting, stored = counts.pop(None, 0), counts.pop(STORED, 0)
    return Outcomes(first, last, waiting, stored, {str(reason): count for reason, count in counts.items()})
