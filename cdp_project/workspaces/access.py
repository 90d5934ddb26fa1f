"""Gates: whoever needs a workspace, or a thing in one, gets it here, with the role that the work needs.

What belongs to others, and what does not exist, is the same 404. A member whose role is too low gets a 403
that names the role needed. Membership, or the role of an API credential, is the only authority: being the
operator of the installation opens no workspace.
"""

from typing import TypeVar

from django.db.models import Model, Q
from django.http import HttpRequest
from rest_framework.request import Request

from cdp_project.kernel.errors import Refusal, not_found
from cdp_project.workspaces.models import ApiCredential, Membership, Role, Workspace

M = TypeVar("M", bound=Model)
BIGGEST_ID = 2**63 - 1


def access_workspace(request: Request | HttpRequest, workspace: int | str, role: Role) -> Workspace:
    """The workspace by id or slug, for a caller who has at least `role` in it. Raises Refusal 404 or 403."""
    found = _held(request, workspace)
    if found is None:
        raise Refusal(404, "not_found", "There is no such workspace, or it is not yours.")
    mine, held = found
    if held < role:
        raise Refusal(
            403, "role_too_low", f"This needs the role {role.label}; yours in {mine.name} is {Role(held).label}."
        )
    return mine


def access_object(
    request: Request | HttpRequest, workspace: int | str, kind: type[M], object_id: int | str, role: Role
) -> M:
    """An object of the workspace, through the workspace's own gate. Raises Refusal 404 or 403."""
    return object_of(access_workspace(request, workspace, role), kind, object_id)


def object_of(workspace: Workspace, kind: type[M], object_id: int | str) -> M:
    """An object of a workspace that was let in already. Raises Refusal 404."""
    number = number_of(object_id)
    found = None
    if number is not None:
        found = kind._default_manager.filter(pk=number, workspace=workspace).first()
    if found is None:
        raise not_found(str(kind._meta.verbose_name))
    return found


def _held(request: Request | HttpRequest, workspace: int | str) -> tuple[Workspace, int] | None:
    credential = getattr(request, "auth", None)
    if isinstance(credential, ApiCredential):
        mine = credential.workspace
        # A credential of the installation has none, and opens none.
        is_named = mine is not None and workspace in {mine.pk, str(mine.pk), mine.slug}
        return (mine, credential.role) if mine is not None and is_named else None
    user = getattr(request, "user", None)
    if user is None or not user.is_authenticated or not user.is_active:
        return None
    if isinstance(workspace, str) and "\x00" in workspace:
        # PostgreSQL refuses text with NUL.
        return None
    membership = Membership.objects.select_related("workspace").filter(_named(workspace), user_id=user.pk).first()
    return None if membership is None else (membership.workspace, membership.role)


def _named(workspace: int | str) -> Q:
    number = number_of(workspace)
    # A slug may look like a number; the number of a workspace wins over the slug of another.
    return Q(workspace__slug=workspace) if number is None else Q(workspace_id=number)


def number_of(text: int | str) -> int | None:
    """An id that the database can hold, else None."""
    if isinstance(text, str) and not (text.isascii() and text.isdigit() and len(text) <= 19):
        return None
    number = int(text)
    return number if 0 <= number <= BIGGEST_ID else None
