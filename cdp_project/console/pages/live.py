"""Live events: what arrives, as it arrives. The page's script fills the table from the workspace's socket."""

from django.contrib import admin
from django.http import Http404, HttpRequest, HttpResponse
from django.template.response import TemplateResponse

from cdp_project.console.addresses import prefix_of
from cdp_project.console.samples import curl_line
from cdp_project.kernel import clock
from cdp_project.workspaces.models import Role
from cdp_project.workspaces.seat import Seat, seat_of
from events.models import InputKey, InputKind


def live(request: HttpRequest) -> HttpResponse:
    """The page of one workspace and environment."""
    seat = seat_of(request)
    if seat is None:
        raise Http404
    key = _server_key(seat)
    base_url = f"{request.scheme}://{request.get_host()}"
    context = {
        **admin.site.each_context(request),
        "title": "Live events",
        "socket": f"/ws{prefix_of(seat.workspace, seat.environment)}/live/",
        "curl": curl_line(base_url, key.key if key else "YOUR_KEY", "YOUR_SECRET", seat.environment),
        "key": key,
        "may_issue": seat.role >= Role.ADMIN,
    }
    return TemplateResponse(request, "console/live.html", context)


def _server_key(seat: Seat) -> InputKey | None:
    """A key that works, best of a server feed."""
    keys = InputKey.objects.filter(input__workspace=seat.workspace, input__is_active=True).select_related("input")
    usable = [
        key for key in keys.order_by("-created_at", "-pk") if key.expires_at is None or key.expires_at > clock.now()
    ]
    return next((key for key in usable if key.input.kind == InputKind.FEED), usable[0] if usable else None)
