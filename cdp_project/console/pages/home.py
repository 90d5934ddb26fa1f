"""The front door: to sign-in, to the first workspace, or to a page that says why there is none."""

from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render

from cdp_project.console.addresses import inside, outside
from cdp_project.workspaces.environment import Environment
from cdp_project.workspaces.seat import workspaces_of


def home(request: HttpRequest) -> HttpResponse:
    """Where somebody is sent who only typed the host."""
    if not request.user.is_authenticated:
        return redirect(outside("admin:login"))
    workspace = workspaces_of(request.user).order_by("pk").first()
    if workspace is not None:
        return redirect(inside(workspace, Environment.PRODUCTION, "admin:live"))
    if request.user.is_superuser:
        return redirect(outside("admin:auth_user_changelist"))
    return render(request, "console/no_workspace.html", {"title": "No workspace yet"})
