"""Reading what became of events on a connection."""

from collections import Counter

from django.db import connection

from cdp_project.kernel.buckets import bucket_of_number
from cdp_project.workspaces.environment import Environment
from connections.verdicts import MOVED

Verdicts = dict[str, dict[str, int]]

# Both levels in one statement: what is compacted meanwhile is counted once.
_SUMS = """
SELECT state, reason, sum(count)::bigint FROM (
    SELECT state, reason, count FROM verdict_hour
    WHERE bucket = %(bucket)s AND connection_id = %(connection)s AND environment = %(environment)s
    UNION ALL
    SELECT state, reason, count FROM verdict_partial
    WHERE connection_id = %(connection)s AND environment = %(environment)s
) AS counted GROUP BY state, reason
"""


def verdicts_of(connection_id: int, environment: Environment = Environment.PRODUCTION) -> Verdicts:
    """Events of a connection over all hours, by state and then reason; "" is the reason of those that need none.

    The sums over reasons of waiting, delivered, withheld and failed are all events that were stored since the
    connection exists.
    """
    parameters = {
        "bucket": bucket_of_number(connection_id),
        "connection": connection_id,
        "environment": int(environment),
    }
    with connection.cursor() as cursor:
        cursor.execute(_SUMS, parameters)
        rows = cursor.fetchall()
    found: dict[str, Counter[str]] = {}
    for state, reason, total in rows:
        found.setdefault(state, Counter())["" if reason == MOVED else reason] += total
    return {state: {reason: n for reason, n in reasons.items() if n} for state, reasons in found.items()}
