"""What people do with deliveries that were given up: `connections.replay` with its entry in the audit log."""

from dataclasses import asdict

from django.db import transaction

from cdp_project.kernel import clock
from cdp_project.kernel.database import djangos_own
from cdp_project.kernel.wake import waker
from cdp_project.workspaces import audit
from cdp_project.workspaces.audit import Actor
from cdp_project.workspaces.models import Workspace
from connections import replay
from connections.replay import Selection, Taken


def retry(actor: Actor, workspace: Workspace, selection: Selection) -> Taken:
    """Let parked or failed items be tried again."""
    with djangos_own() as database:
        taken = replay.retry(database, selection, clock.now())
        if taken.items:
            audit.record(actor, "retried", workspace, None, {"deliveries": _told(selection, taken)})
            transaction.on_commit(lambda: waker.hint("deliveries"))
    return taken


def _told(selection: Selection, taken: Taken) -> dict[str, object]:
    asked = {
        "environment": selection.own.environment.word,
        "connection_ids": selection.own.connection_ids,
        "state": selection.state.name.lower(),
        "reason": selection.reason,
        "event_ids": None if selection.event_ids is None else len(selection.event_ids),
    }
    return {name: value for name, value in asked.items() if value is not None} | asdict(taken)
