"""What people do with the quarantine: the moves of `events.quarantine.moving` with their entry in the audit log."""

from collections.abc import Callable
from dataclasses import asdict

import psycopg
from django.db import transaction

from cdp_project.kernel import clock
from cdp_project.kernel.database import Connection, djangos_own
from cdp_project.kernel.wake import waker
from cdp_project.workspaces import audit
from cdp_project.workspaces.audit import Actor
from cdp_project.workspaces.models import Workspace
from events.quarantine import moving
from events.quarantine.moving import Moved, Selection

TRIES_MOST = 3


def retry(actor: Actor, workspace: Workspace, selection: Selection) -> Moved:
    """Let batches be processed again."""
    now = clock.now()
    return _moving(actor, workspace, "retried", selection, lambda database: moving.retry(database, selection, now))


def discard(actor: Actor, workspace: Workspace, selection: Selection) -> Moved:
    """Delete batches for good."""
    return _moving(actor, workspace, "discarded", selection, lambda database: moving.discard(database, selection))


def _moving(
    actor: Actor, workspace: Workspace, action: str, selection: Selection, move: Callable[[Connection], Moved]
) -> Moved:
    for _ in range(TRIES_MOST - 1):
        try:
            return _move(actor, workspace, action, selection, move)
        except psycopg.errors.UniqueViolation:
            # Another process drew the same numbers; others are drawn the next time.
            continue
    return _move(actor, workspace, action, selection, move)


def _move(
    actor: Actor, workspace: Workspace, action: str, selection: Selection, move: Callable[[Connection], Moved]
) -> Moved:
    with djangos_own() as database:
        moved = move(database)
        if moved.batches:
            audit.record(actor, action, workspace, None, {"quarantine": _told(selection, moved)})
            transaction.on_commit(lambda: waker.hint("pipeline"))
    return moved


def _told(selection: Selection, moved: Moved) -> dict[str, object]:
    """What was asked for and what it came to. The ids themselves are many, and lead nowhere afterwards."""
    asked = {
        "environment": selection.environment.word,
        "reason": selection.reason,
        "input_id": selection.input_id,
        "batch_ids": None if selection.batch_ids is None else len(selection.batch_ids),
    }
    return {name: value for name, value in asked.items() if value is not None} | asdict(moved)
