"""Short ways to make what tests stand on. Each call makes one thing, by the product's own code where there is one."""

from itertools import count

from django.contrib.auth import get_user_model
from django.contrib.auth.models import User

from cdp_project.workspaces import configuration
from cdp_project.workspaces.models import Membership, Role, Workspace
from connections.models import Connection, Output
from events.models import Input, InputKind

_numbers = count(1)


def workspace(slug: str | None = None, name: str | None = None) -> Workspace:
    """A workspace with a name of its own."""
    number = next(_numbers)
    return Workspace.objects.create(slug=slug or f"shop-{number}", name=name or f"Shop {number}")


def member(of: Workspace, role: Role = Role.ADMIN, *, operator: bool = False, password: str | None = None) -> User:
    """A user with a role in the workspace; `operator` runs the installation.

    Without a password, which is slow to hash, only `force_login` signs in.
    """
    user = get_user_model().objects.create_user(f"user-{next(_numbers)}", password=password)
    if operator:
        user.is_superuser = True
    user.is_staff = True
    user.save()
    Membership.objects.create(workspace=of, user=user, role=role)
    return user


def feed(of: Workspace, name: str = "Server") -> Input:
    """An unbound feed."""
    return Input.objects.create(workspace=of, kind=InputKind.FEED, name=name)


def platform(of: Workspace, which: str = "web") -> Input:
    """A platform input."""
    return Input.objects.create(workspace=of, kind=InputKind.PLATFORM, platform=which, name=which)


def output(of: Workspace, integration: str = "webhook", **settings: object) -> Output:
    """An output with plain settings."""
    return Output.objects.create(workspace=of, integration=integration, name=integration, settings=settings)


def connection(source: Input, target: Output) -> Connection:
    """The input sends to the output, from now on."""
    made = Connection.objects.create(workspace=source.workspace, input=source, output=target)
    configuration.changed(source.workspace)
    return made
