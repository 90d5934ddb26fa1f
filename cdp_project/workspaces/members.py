"""Who belongs to a workspace. It always keeps somebody who can let others in."""

from django.contrib.auth import get_user_model
from django.contrib.auth.models import User
from django.db import transaction
from django.db.models import QuerySet

from cdp_project.kernel.errors import Refusal
from cdp_project.workspaces import audit
from cdp_project.workspaces.audit import Actor
from cdp_project.workspaces.models import Membership, Role, Workspace

_NAMES = {"username": "user name", "email": "e-mail address"}
LAST_ADMIN = "A workspace needs an admin: make somebody else one first."


class NotOnePerson(ValueError):
    """Who was named is nobody, several people, or a member already."""


def newcomer(workspace: Workspace, **named: str) -> User:
    """The person of that `username` or `email` who is to become a member. Raises NotOnePerson with a sentence."""
    ((name, value),) = named.items()
    wanted = {"username": value} if name == "username" else {"email__iexact": value}
    # PostgreSQL refuses text with NUL.
    found = [] if "\x00" in value else list(get_user_model().objects.filter(is_active=True, **wanted)[:2])
    if not found:
        raise NotOnePerson(f"Nobody with this {_NAMES[name]} can sign in.")
    if len(found) > 1:
        raise NotOnePerson(f"Several people have this {_NAMES[name]}: name one by the user name.")
    if Membership.objects.filter(workspace=workspace, user=found[0]).exists():
        raise NotOnePerson("This person is a member already.")
    return found[0]


def is_last_admin(membership: Membership) -> bool:
    """Nobody else who can sign in could let people in."""
    return list(_admins(membership.workspace_id).values_list("pk", flat=True)[:2]) == [membership.pk]


def left_without_admin(user_id: int) -> list[Workspace]:
    """Workspaces that would lose their last admin if this person could no longer sign in; locked until commit."""
    own = Membership.objects.filter(user_id=user_id, role=Role.ADMIN)
    with transaction.atomic():
        workspaces = Workspace.objects.select_for_update().filter(pk__in=own.values("workspace_id")).order_by("pk")
        return [workspace for workspace in workspaces if not _others(workspace.pk, user_id)]


def _others(workspace_id: int, user_id: int) -> bool:
    return _admins(workspace_id).exclude(user_id=user_id).exists()


def _admins(workspace_id: int) -> QuerySet[Membership]:
    return Membership.objects.filter(workspace=workspace_id, role=Role.ADMIN, user__is_active=True)


def save(actor: Actor, membership: Membership) -> None:
    """Let somebody in, or give them another role. Raises Refusal when no admin would be left."""
    with transaction.atomic():
        lock(membership.workspace_id)
        if membership.role != Role.ADMIN and is_last_admin(membership):
            raise Refusal(409, "last_admin", LAST_ADMIN)
        if membership._state.adding and _is_member(membership):
            raise Refusal(409, "already_member", "This person is a member already.")
        with audit.changing(actor, membership):
            membership.save()


def remove(actor: Actor, membership: Membership) -> None:
    """End a membership; open pages of that person close by themselves. Raises Refusal for the last admin."""
    with transaction.atomic():
        lock(membership.workspace_id)
        if is_last_admin(membership):
            raise Refusal(409, "last_admin", LAST_ADMIN)
        audit.delete(actor, membership)


def lock(workspace_id: int) -> None:
    """Two admins who remove each other at the same time: the second one must see what the first did."""
    Workspace.objects.select_for_update().get(pk=workspace_id)


def _is_member(membership: Membership) -> bool:
    return Membership.objects.filter(workspace=membership.workspace_id, user=membership.user_id).exists()
