"""What a deletion of outputs or connections would keep back, for the person who is asked whether they mean it."""

from collections.abc import Iterable

from cdp_project.workspaces.environment import Environment
from connections.models import Connection
from connections.selectors import verdicts_of
from connections.verdicts import WAITING
from events.models import Input


def waiting_events(connection_ids: Iterable[int]) -> int:
    """How many events wait on these connections, in both environments, by the counters."""
    return sum(
        sum(verdicts_of(connection_id, environment).get(WAITING, {}).values())
        for connection_id in connection_ids
        for environment in Environment
    )


def of_input(source: Input) -> str:
    """What waits on all connections of an input; they go with it."""
    return warning(waiting_events(Connection.objects.filter(input=source).values_list("pk", flat=True)))


def warning(count: int) -> str:
    """What is said before so many waiting events are given up; "" for none."""
    if not count:
        return ""
    return f"{count} {'event waits' if count == 1 else 'events wait'} to be sent and will not be."
