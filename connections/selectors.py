"""Reading what became of events on a connection."""

from collections import Counter

from django.db.models import Sum

from cdp_project.workspaces.environment import Environment
from connections.models import VerdictPartial
from connections.verdicts import MOVED

Verdicts = dict[str, dict[str, int]]


def verdicts_of(connection_id: int, environment: Environment = Environment.PRODUCTION) -> Verdicts:
    """Events of a connection over all hours, by state and then reason; "" is the reason of those that need none.

    The sums over reasons of waiting, delivered, withheld and failed are all events that were stored since the
    connection exists.
    """
    rows = (
        VerdictPartial.objects.filter(connection_id=connection_id, environment=environment)
        .values_list("state", "reason")
        .annotate(total=Sum("count"))
    )
    found: dict[str, Counter[str]] = {}
    for state, reason, total in rows:
        found.setdefault(state, Counter())["" if reason == MOVED else reason] += total
    return {state: {reason: n for reason, n in reasons.items() if n} for state, reasons in found.items()}
