"""The keys of an input, in the console: which there are, issuing one (its secret is shown once), ending one."""

from dataclasses import dataclass
from datetime import datetime

from django.contrib import messages
from django.contrib.admin import AdminSite
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.template.response import TemplateResponse

from cdp_project.kernel import clock
from cdp_project.workspaces import shown_once
from cdp_project.workspaces.access import access_object
from cdp_project.workspaces.audit import actor_of
from cdp_project.workspaces.models import Role
from cdp_project.workspaces.seat import seat_of
from cdp_project.workspaces.shown_once import Values
from events.intake.issuing import end, issue
from events.models import Input, InputKey


@dataclass(frozen=True, slots=True)
class KeyRow:
    """One key as the page lists it."""

    key_id: int
    key: str
    created_at: datetime
    expires_at: datetime | None
    is_valid: bool


def keys_page(site: AdminSite, request: HttpRequest, input_id: int) -> HttpResponse:
    """GET lists for every member, and shows a new key once; POST (`end` with a key's number, or nothing) is for admins.

    Raises Refusal.
    """
    seat = seat_of(request)
    if seat is None:
        raise Http404
    role = Role.ADMIN if request.method == "POST" else Role.VIEWER
    source = access_object(request, seat.workspace.pk, Input, input_id, role)
    if request.method == "POST":
        return _end(request, source) if "end" in request.POST else _issue(request, source)
    if (values := shown_once.take(request, _about(source))) is not None:
        return _issued(site, request, source, values)
    context = _context(site, request, source) | {
        "title": f"Keys of {source.name}",
        "keys": _rows(source, clock.now()),
        "may_issue": seat.role >= Role.ADMIN,
    }
    return TemplateResponse(request, "admin/events/input/keys.html", context)


def _issue(request: HttpRequest, source: Input) -> HttpResponse:
    issued = issue(actor_of(request), source)
    shown_once.keep(request, _about(source), [("Key", issued.key), ("Secret", issued.secret)])
    return redirect("admin:events_input_keys", source.pk)


def _about(source: Input) -> str:
    return f"key of input {source.pk}"


def _issued(site: AdminSite, request: HttpRequest, source: Input, values: Values) -> HttpResponse:
    context = _context(site, request, source) | {
        "title": f"New key of {source.name}",
        "values": values,
        "usage": "Servers send both by HTTP Basic; apps and sites carry the key alone.",
        "back": "",
    }
    return TemplateResponse(request, "console/shown_once.html", context)


def _end(request: HttpRequest, source: Input) -> HttpResponse:
    number = request.POST["end"]
    key = source.keys.filter(pk=int(number)).first() if number.isdecimal() and len(number) < 19 else None
    if key is None:
        raise Http404
    end(actor_of(request), key)
    messages.success(request, f"The key {key.key} has ended: what uses it is refused within two seconds.")
    return redirect("admin:events_input_keys", source.pk)


def _rows(source: Input, now: datetime) -> list[KeyRow]:
    keys = InputKey.objects.filter(input=source).order_by("-created_at", "-pk")
    return [
        KeyRow(each.pk, each.key, each.created_at, each.expires_at, each.expires_at is None or each.expires_at > now)
        for each in keys
    ]


def _context(site: AdminSite, request: HttpRequest, source: Input) -> dict[str, object]:
    return {**site.each_context(request), "opts": source._meta, "original": source}
