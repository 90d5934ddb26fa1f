"""Where a signed-in person sits in the console: workspace, environment and the role that they have there."""

from dataclasses import dataclass

from django.contrib.auth.models import AbstractBaseUser, AnonymousUser
from django.db.models import QuerySet
from django.http import HttpRequest

from cdp_project.workspaces.environment import Environment
from cdp_project.workspaces.models import Membership, Role, Workspace


@dataclass(frozen=True, slots=True)
class Seat:
    """What a request of the console may work on, and how far."""

    workspace: Workspace
    environment: Environment
    role: Role


def find_seat(user: AbstractBaseUser | AnonymousUser, slug: str, environment_word: str) -> Seat | None:
    """The member's seat; None for strangers, unknown workspaces and unknown environments alike."""
    environment = Environment.of(environment_word)
    if environment is None or not user.is_authenticated or not user.is_active:
        return None
    membership = Membership.objects.select_related("workspace").filter(user_id=user.pk, workspace__slug=slug).first()
    return None if membership is None else Seat(membership.workspace, environment, Role(membership.role))


def workspaces_of(user: AbstractBaseUser | AnonymousUser) -> QuerySet[Workspace]:
    """Every workspace that the person is a member of."""
    return Workspace.objects.filter(pk__in=Membership.objects.filter(user_id=user.pk or 0).values("workspace_id"))


def sit(request: HttpRequest, seat: Seat | None) -> None:
    """Note on the request where it works."""
    request.seat = seat  # type: ignore[attr-defined]


def seat_of(request: HttpRequest) -> Seat | None:
    """The seat that the address names; None on pages outside workspaces."""
    seat: Seat | None = getattr(request, "seat", None)
    return seat
