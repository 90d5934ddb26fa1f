"""Alerts that somebody takes care of: who was the first to say so, and when."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime

from cdp_project.kernel import cursor
from cdp_project.kernel.cursor import BadCursor
from cdp_project.workspaces import audit
from cdp_project.workspaces.audit import Actor
from cdp_project.workspaces.environment import Environment
from cdp_project.workspaces.models import Workspace
from connections.models import AlertAcknowledgement
from connections.reading.alerts import Alert, AlertPlace, alerts
from connections.reading.own import own_connections

# More kinds of faults than a connection can meet in an hour.
CODES_MOST = 1000


def find(workspace: Workspace, environment: Environment, alert_id: str) -> Alert | None:
    """The alert of that id (`Alert.id`) among the workspace's own; None for every other text."""
    try:
        place = cursor.decode(alert_id, AlertPlace)
    except BadCursor:
        return None
    own = own_connections(workspace, environment, place.connection_id, place.output_id)
    found = alerts(own, (place.hour, place.hour), limit=CODES_MOST) if own.outputs else []
    return next((each for each in found if each.place == place), None)


def acknowledge(
    actor: Actor, workspace: Workspace, environment: Environment, alert: Alert, now: datetime
) -> AlertAcknowledgement:
    """Note who takes care of it, in a transaction of the caller's; the first stays."""
    made, is_new = AlertAcknowledgement.objects.get_or_create(
        **alert.place._asdict(),
        environment=environment,
        defaults={"workspace": workspace, "acknowledged_by": actor.name[:200], "acknowledged_at": now},
    )
    if is_new:
        told = {"output_id": alert.output_id, "connection_id": alert.connection_id, "code": alert.code}
        audit.record(actor, "acknowledged", workspace, None, {"alert": told | {"hour": alert.hour.isoformat()}})
    return made


def with_acknowledgements(environment: Environment, found: Sequence[Alert]) -> list[Alert]:
    """The same, each with who takes care of it."""
    noted = AlertAcknowledgement.objects.filter(
        environment=environment,
        connection_id__in={each.connection_id for each in found},
        hour__in={each.hour for each in found},
    )
    by_place = {
        AlertPlace(each.hour, each.level, each.output_id, each.connection_id, each.code): each for each in noted
    }
    return [_with(each, by_place.get(each.place)) for each in found]


def _with(alert: Alert, noted: AlertAcknowledgement | None) -> Alert:
    if noted is None:
        return alert
    return replace(alert, acknowledged_by=noted.acknowledged_by, acknowledged_at=noted.acknowledged_at)
