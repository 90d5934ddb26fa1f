"""What people do with deliveries that did not go out: `replay` and `hurry` with their entry in the audit log."""

from collections.abc import Collection
from dataclasses import asdict, replace

from django.db import transaction

from cdp_project.kernel import clock
from cdp_project.kernel.database import djangos_own
from cdp_project.kernel.wake import waker
from cdp_project.workspaces import audit
from cdp_project.workspaces.audit import Actor
from cdp_project.workspaces.models import Workspace
from connections import replay
from connections.choosing import Selection, Taken
from connections.hurry import hurry
from connections.models import ItemState
from events.selectors import people_of


def retry(actor: Actor, workspace: Workspace, selection: Selection) -> Taken:
    """Let items that have ended without success be tried again, or those that are tried again later be due now."""
    selection = replace(selection, people=_people(workspace, selection))
    with djangos_own() as database:
        again = hurry if selection.state is ItemState.RETRYING else replay.retry
        taken = again(database, selection, clock.now())
        if taken.items:
            audit.record(actor, "retried", workspace, None, {"deliveries": _told(selection, taken)})
            transaction.on_commit(lambda: waker.hint("deliveries"))
    return taken


def _people(workspace: Workspace, selection: Selection) -> Collection[int] | None:
    """Whose events are meant; None when that is not known: events may be kept for less time than what was given up."""
    if selection.event_ids is None:
        return None
    wanted = set(selection.event_ids)
    found = people_of(workspace.pk, selection.own.environment, wanted)
    return set(found.values()) if len(found) == len(wanted) else None


def _told(selection: Selection, taken: Taken) -> dict[str, object]:
    asked = {
        "environment": selection.own.environment.word,
        "connection_ids": selection.own.connection_ids,
        "state": selection.state.name.lower(),
        "reason": selection.reason,
        "event_ids": None if selection.event_ids is None else len(selection.event_ids),
    }
    return {name: value for name, value in asked.items() if value is not None} | asdict(taken)
