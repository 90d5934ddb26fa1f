"""Who belongs to a workspace. It always keeps somebody who can let others in."""

from django.db import transaction

from cdp_project.kernel.errors import Refusal
from cdp_project.workspaces import audit
from cdp_project.workspaces.audit import Actor
from cdp_project.workspaces.models import Membership, Role, Workspace

LAST_ADMIN = "A workspace needs an admin: make somebody else one first."


def is_last_admin(membership: Membership) -> bool:
    """Nobody else could let people in."""
    admins = Membership.objects.filter(workspace=membership.workspace_id, role=Role.ADMIN)
    return list(admins.values_list("pk", flat=True)[:2]) == [membership.pk]


def save(actor: Actor, membership: Membership) -> None:
    """Let somebody in, or give them another role. Raises Refusal when no admin would be left."""
    with transaction.atomic():
        _lock(membership)
        if membership.role != Role.ADMIN and is_last_admin(membership):
            raise Refusal(409, "last_admin", LAST_ADMIN)
        with audit.changing(actor, membership):
            membership.save()


def remove(actor: Actor, membership: Membership) -> None:
    """End a membership; open pages of that person close by themselves. Raises Refusal for the last admin."""
    with transaction.atomic():
        _lock(membership)
        if is_last_admin(membership):
            raise Refusal(409, "last_admin", LAST_ADMIN)
        audit.delete(actor, membership)


def _lock(membership: Membership) -> None:
    # Two admins who remove each other at the same time: the second one must see what the first did.
    Workspace.objects.select_for_update().get(pk=membership.workspace_id)
