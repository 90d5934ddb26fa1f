"""Live events: the newest ones, and what arrives as it arrives by the workspace's socket."""

from typing import Any

from django.contrib import admin
from django.http import Http404, HttpRequest, HttpResponse
from django.template.response import TemplateResponse

from cdp_project.console.addresses import prefix_of
from cdp_project.console.samples import curl_line
from cdp_project.kernel import clock
from cdp_project.workspaces.models import Role
from cdp_project.workspaces.seat import Seat, seat_of
from events.models import Input, InputKey, InputKind
from events.selectors import EventView, newest_events

ROWS_AT_FIRST = 100


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
        "rows": _newest_rows(seat),
        "socket": f"/ws{prefix_of(seat.workspace, seat.environment)}/live/",
        "curl": curl_line(base_url, key.key if key else "YOUR_KEY", "YOUR_SECRET", seat.environment),
        "key": key,
        "may_issue": seat.role >= Role.ADMIN,
    }
    return TemplateResponse(request, "console/live.html", context)


def _newest_rows(seat: Seat) -> list[dict[str, Any]]:
    """What the table begins with: stored events, newest first."""
    names = dict(Input.objects.filter(workspace=seat.workspace).values_list("pk", "name"))
    events = newest_events(seat.workspace.pk, seat.environment, None, ROWS_AT_FIRST)
    return [_row(event, names.get(event.input_id, "")) for event in events]


def _row(event: EventView, input_name: str) -> dict[str, Any]:
    return {
        "event_id": event.event_id,
        "at": event.received_at,
        "name": event.name,
        "type": event.event_type.replace("_", " ").capitalize(),
        "input": input_name,
        "mpid": event.mpid,
    }


def _server_key(seat: Seat) -> InputKey | None:
    """A key that works, best of a server feed."""
    keys = InputKey.objects.filter(input__workspace=seat.workspace, input__is_active=True).select_related("input")
    usable = [
        key for key in keys.order_by("-created_at", "-pk") if key.expires_at is None or key.expires_at > clock.now()
    ]
    return next((key for key in usable if key.input.kind == InputKind.FEED), usable[0] if usable else None)
