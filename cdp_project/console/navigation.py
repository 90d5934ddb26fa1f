"""What the console's frame shows around every page: menu, workspaces, environments."""

import re
from dataclasses import dataclass

from django.contrib.admin import AdminSite
from django.http import HttpRequest
from django.urls import reverse

from cdp_project.console.addresses import inside, outside, prefix_of
from cdp_project.workspaces.environment import Environment
from cdp_project.workspaces.models import Workspace
from cdp_project.workspaces.seat import Seat, seat_of, workspaces_of

# Group, label, address, model whose view permission is asked (None: every member may).
INSIDE = (
    ("Overview", "Live events", "admin:live", None),
    ("Setup", "Inputs", "admin:events_input_changelist", "events.Input"),
    ("Setup", "Outputs", "admin:connections_output_changelist", "connections.Output"),
    ("Setup", "Connections", "admin:connections_connection_changelist", "connections.Connection"),
    ("Administration", "Members", "admin:workspaces_membership_changelist", "workspaces.Membership"),
    ("Administration", "API credentials", "admin:workspaces_apicredential_changelist", "workspaces.ApiCredential"),
    ("Administration", "Audit log", "admin:workspaces_auditentry_changelist", "workspaces.AuditEntry"),
)
INSTALLATION = (
    ("Installation", "Users", "admin:auth_user_changelist"),
    ("Installation", "Workspaces", "admin:workspaces_workspace_changelist"),
    ("Installation", "Chores", "admin:chores"),
)
# Another workspace has no object of that number: its list is shown instead.
OBJECT_PAGE = re.compile(r"(/admin/\w+/\w+/)\d+/.*")


@dataclass(frozen=True, slots=True)
class Link:
    """One entry; `is_current` where the page is, or is below it."""

    label: str
    url: str
    is_current: bool


def menu(site: AdminSite, request: HttpRequest) -> dict[str, list[Link]]:
    """Entries by group, only those that the person may use."""
    groups: dict[str, list[Link]] = {}
    if seat_of(request) is not None:
        for group, label, name, model in INSIDE:
            if model is None or _may_view(site, request, model):
                groups.setdefault(group, []).append(_link(request, label, reverse(name)))
    if request.user.is_superuser:
        for group, label, name in INSTALLATION:
            groups.setdefault(group, []).append(_link(request, label, outside(name)))
    return groups


def workspaces(request: HttpRequest) -> list[Link]:
    """All workspaces of the person: the same page there, in the same environment."""
    seat = seat_of(request)
    environment = Environment.PRODUCTION if seat is None else seat.environment
    return [
        Link(each.name, _same_page(request, each, environment, seat), seat is not None and each == seat.workspace)
        for each in workspaces_of(request.user)
    ]


def environments(request: HttpRequest, seat: Seat) -> list[Link]:
    """The same page in either environment."""
    return [
        Link(each.word.capitalize(), prefix_of(seat.workspace, each) + request.path_info, each is seat.environment)
        for each in Environment
    ]


def _same_page(request: HttpRequest, workspace: Workspace, environment: Environment, seat: Seat | None) -> str:
    if seat is None:
        return inside(workspace, environment, "admin:live")
    return prefix_of(workspace, environment) + OBJECT_PAGE.sub(r"\1", request.path_info)


def _may_view(site: AdminSite, request: HttpRequest, model: str) -> bool:
    admins = {kind._meta.label: each for kind, each in site._registry.items()}
    return model in admins and admins[model].has_view_permission(request)


def _link(request: HttpRequest, label: str, url: str) -> Link:
    return Link(label, url, request.path.startswith(url))
