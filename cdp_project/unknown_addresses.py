"""Addresses that do not exist, told to programs in their own error bodies, with the nearest one that does."""

from collections.abc import Iterable
from difflib import get_close_matches

import structlog
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.views.decorators.csrf import csrf_exempt

from cdp_project.kernel.errors import PROBLEM, Refusal, problem_document, request_of
from events.api import response_of
from events.intake.refusals import error_reply, not_found
from events.protocol import PROTOCOLS

log = structlog.get_logger(__name__)

NEAR = 0.6
NO_ADDRESS = Refusal(404, "not_found", "There is no such address. /api/schema/ lists those there are.")
OAUTH_PATHS = ("oauth/token", "oauth/revoke")


@csrf_exempt
def of_intake(request: HttpRequest) -> HttpResponse:
    """404 in the body that every SDK reads, below /v1, /v2, /v3 and /oauth."""
    log.info("unknown address", method=request.method, path=request.path_info)
    known = [endpoint.path for protocol in PROTOCOLS.values() for endpoint in protocol.endpoints]
    return response_of(error_reply(not_found(sentence(request.path_info, [*known, *OAUTH_PATHS]))))


@csrf_exempt
def of_api(request: HttpRequest) -> HttpResponse:
    """404 as a problem document, below /api."""
    log.info("unknown address", method=request.method, path=request.path_info)
    answer = JsonResponse(problem_document(NO_ADDRESS) | request_of(request), status=404, content_type=PROBLEM)
    answer._has_been_logged = True  # type: ignore[attr-defined] # just now.
    return answer


def sentence(path: str, known: Iterable[str]) -> str:
    """What to tell somebody who asked for `path`. Pure."""
    near = get_close_matches(path.strip("/").lower(), list(known), n=1, cutoff=NEAR)
    return f"There is no such address. Did you mean /{near[0]}?" if near else "There is no such address."
