"""The workspace and the environment stand in the address: `/w/<slug>/<environment>/admin/...`.

Two tabs on two workspaces stay apart, and links can be sent to a colleague.
"""

import re
from collections.abc import Callable

from django.contrib.auth.views import redirect_to_login
from django.core.exceptions import BadRequest
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render

from cdp_project.console.addresses import outside, script_prefix
from cdp_project.kernel.errors import Refusal
from cdp_project.workspaces.seat import find_seat, sit

# Their answers are no pages; they refuse in their own words.
OF_PROGRAMS = re.compile(r"/(?:api|oauth|v\d+)/", re.IGNORECASE)
PLACE = re.compile(r"(?P<prefix>/w/(?P<slug>[-a-zA-Z0-9_]+)/(?P<environment>[a-z]+))(?P<rest>/admin/.*)")


class WorkspaceMiddleware:
    """Takes the prefix off the path and seats the member; everybody else gets 404, as for what does not exist."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self._get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        if not OF_PROGRAMS.match(request.path_info) and _has_nul(request):
            raise BadRequest("NUL is no character.")
        sit(request, None)
        place = PLACE.fullmatch(request.path_info)
        if place is None:
            return self._get_response(request)
        if not request.user.is_authenticated:
            return redirect_to_login(request.get_full_path(), outside("admin:login"))
        seat = find_seat(request.user, place["slug"], place["environment"])
        if seat is None:
            raise Http404
        sit(request, seat)
        request.path_info = place["rest"]
        request.META["SCRIPT_NAME"] = place["prefix"]
        with script_prefix(place["prefix"]):
            return self._get_response(request)

    def process_exception(self, request: HttpRequest, error: Exception) -> HttpResponse | None:
        """A gate's refusal as a page."""
        if not isinstance(error, Refusal):
            return None
        context = {"sentence": str(error.detail), "status": error.status_code}
        return render(request, "console/refusal.html", context, status=error.status_code)


def _has_nul(request: HttpRequest) -> bool:
    """PostgreSQL refuses text with NUL: filters and session keys would end in a fault."""
    texts = (*request.GET.keys(), *request.GET.values(), *request.COOKIES.values())
    return any("\x00" in text for text in (request.path_info, *map(str, texts)))
