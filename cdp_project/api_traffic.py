"""Headers of every answer of our own API: where the caller stands, and that nobody keeps a copy. Intake has its own."""

from collections.abc import Callable

from django.http import HttpRequest, HttpResponse

from cdp_project.workspaces.request_budget import budget_of

OURS = ("/api/v1/", "/oauth/")
# What has a tag may be asked for again by it, but never be shown without asking.
ASKED_AGAIN, NEVER_KEPT = "private, no-cache", "no-store"

Answer = Callable[[HttpRequest], HttpResponse]


def api_traffic(get_response: Answer) -> Answer:
    """Django middleware: first of all, so that refusals of the others have the headers, too."""

    def answered(request: HttpRequest) -> HttpResponse:
        response = get_response(request)
        if request.path_info.startswith(OURS):
            _tell(request, response)
        return response

    return answered


def _tell(request: HttpRequest, response: HttpResponse) -> None:
    if (budget := budget_of(request.META)) is not None:
        for name, value in budget.headers.items():
            response[name] = value
    response.setdefault("Cache-Control", ASKED_AGAIN if "ETag" in response.headers else NEVER_KEPT)
