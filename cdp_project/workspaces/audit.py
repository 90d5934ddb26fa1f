"""The log of configuration changes: who, what, before and after, in the transaction of the change itself.

Whatever changes configuration does it inside `changing` or calls `delete` or `record`: console, API and
commands alike. Each entry also gives the workspace its next configuration version.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from django.db import router, transaction
from django.db.models import ForeignKey, Model
from django.db.models.deletion import Collector
from django.http import HttpRequest
from rest_framework.request import Request

from cdp_project.kernel import clock
from cdp_project.workspaces import configuration
from cdp_project.workspaces.models import AccessToken, ApiCredential, AuditEntry, KeptAnswer, Workspace
from cdp_project.workspaces.snapshot import Shown, difference, masked, shown

CREATED, CHANGED, DELETED = "created", "changed", "deleted"
# Tokens and kept answers come and go by themselves; what is changed is their credential.
UNTOLD_MODELS = {AccessToken, KeptAnswer}


@dataclass(frozen=True, slots=True)
class Actor:
    """Who changes something: a user, or a program by its name."""

    name: str
    user_id: int | None = None


def actor_of(request: HttpRequest | Request) -> Actor:
    """The credential of an API call, else the signed-in user."""
    credential = getattr(request, "auth", None)
    if isinstance(credential, ApiCredential):
        return Actor(f"API credential {credential.name}")
    return Actor(request.user.get_username(), request.user.pk)


@contextmanager
def changing(actor: Actor, obj: Model) -> Iterator[None]:
    """Make or change `obj` within the block: one transaction with the entry and the new version.

    What was stored is compared with what is stored at the end, so that nothing needs to be told; no
    difference leaves no entry.
    """
    with transaction.atomic():
        before = _stored(obj)
        yield
        after = _stored(obj)
        if after is None:
            return
        if before is None:
            _write(actor, CREATED, after, None, shown(after))
            return
        old, new = difference(before, after)
        if new:
            _write(actor, CHANGED, after, old, new)


def delete(actor: Actor, obj: Model) -> None:
    """Delete, with an entry for the object and for everything that goes with it."""
    with transaction.atomic():
        for each in _falling(obj):
            _write(actor, DELETED, each, shown(each), None)
        obj.delete()


def record(actor: Actor, action: str, obj: Model, before: Shown | None, after: Shown | None) -> None:
    """One entry by hand, for what no column shows. What stands under a secret's name is masked."""
    with transaction.atomic():
        _write(actor, action, obj, masked(before), masked(after))


def _write(actor: Actor, action: str, obj: Model, before: Shown | None, after: Shown | None) -> None:
    workspace = _workspace_of(obj)
    AuditEntry.objects.create(
        workspace=workspace,
        at=clock.now(),
        actor_id=actor.user_id,
        actor_name=actor.name[:200],
        action=action,
        kind=str(obj._meta.verbose_name),
        object_id=str(obj.pk),
        object_name=str(obj)[:200],
        before=before,
        after=after,
    )
    configuration.changed(workspace)
    transaction.on_commit(configuration.tell)


def _stored(obj: Model) -> Model | None:
    # Locked: of two changes at once, what the second finds is what the first left.
    rows = type(obj)._base_manager.select_for_update(of=("self",))
    return None if obj.pk is None else rows.filter(pk=obj.pk).first()


def _workspace_of(obj: Model) -> Workspace:
    if isinstance(obj, Workspace):
        return obj
    found: Any = getattr(obj, "workspace", None)
    if isinstance(found, Workspace):
        return found
    # A key belongs to a workspace through its input.
    parents = (getattr(obj, field.name) for field in obj._meta.concrete_fields if isinstance(field, ForeignKey))
    return _workspace_of(next(parents))


def _falling(obj: Model) -> list[Model]:
    """What a deletion takes along; what depends on others first."""
    collector = Collector(using=router.db_for_write(type(obj), instance=obj), origin=obj)
    collector.collect([obj])
    falling: list[Model] = [each for rows in collector.fast_deletes for each in rows]
    falling += [each for _, each in collector.instances_with_model()]
    return [each for each in falling if type(each) not in UNTOLD_MODELS]
