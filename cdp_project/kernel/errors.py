"""Refusals that help: a stable code, a sentence, a status; as RFC 9457 problems on our own APIs."""

from collections.abc import Iterator
from typing import Any

from django.core.exceptions import PermissionDenied, SuspiciousOperation
from django.http import Http404, HttpRequest
from rest_framework import exceptions, status
from rest_framework.request import Request
from rest_framework.response import Response

PROBLEM = "application/problem+json"
WHOLE = "non_field_errors"
NO_TOKEN = "This needs a token: send Authorization: Bearer <token>; POST /oauth/token gives one."  # noqa: S105 - none
UNREADABLE = "The request cannot be read: it has more parameters than any call takes, or what no client sends."
TOO_MANY_REQUESTS = "The credential made more requests this minute than it may: go on after Retry-After seconds."


class Refusal(exceptions.APIException):
    """Something asked for cannot be done; `code` is stable, `detail` says what was wrong and what to do."""

    def __init__(self, http_status: int, code: str, detail: str, headers: dict[str, str] | None = None) -> None:
        super().__init__(detail=detail, code=code)
        self.status_code = http_status
        self.stable_code = code
        self.headers = headers or {}


def not_found(what: str) -> Refusal:
    """404 that does not tell whether the thing exists elsewhere."""
    return Refusal(status.HTTP_404_NOT_FOUND, "not_found", f"There is no such {what} in this workspace.")


def problem_response(error: Exception, context: dict[str, Any]) -> Response | None:
    """DRF's exception handler: every refusal becomes a problem document; None lets a real fault be a 500."""
    if isinstance(error, Http404):
        error = exceptions.NotFound()
    elif isinstance(error, PermissionDenied):
        error = exceptions.PermissionDenied()
    elif isinstance(error, SuspiciousOperation):
        error = exceptions.ParseError(UNREADABLE)
    if not isinstance(error, exceptions.APIException):
        return None
    document = problem_document(error) | request_of(context.get("request"))
    return Response(document, error.status_code, headers=_headers(error), content_type=PROBLEM)


def request_of(request: HttpRequest | Request | None) -> dict[str, str]:
    """The member of a problem that leads to its log lines: the request's id."""
    request_id = "" if request is None else request.headers.get("X-Request-Id", "")
    return {"request_id": request_id} if request_id else {}


def problem_document(error: exceptions.APIException) -> dict[str, Any]:
    """The body of a problem (RFC 9457)."""
    code = error.stable_code if isinstance(error, Refusal) else error.default_code
    # The title is the same for every problem of a code; what happened this time is the detail's (RFC 9457 3.1.3).
    title = code.replace("_", " ").capitalize()
    body: dict[str, Any] = {"type": f"/errors/{code}", "title": title, "code": code, "status": error.status_code}
    if isinstance(error, exceptions.ValidationError):
        return body | {"detail": "Some fields cannot be used; see errors.", "errors": list(field_errors(error.detail))}
    if isinstance(error, exceptions.NotAuthenticated):
        return body | {"detail": NO_TOKEN}
    if isinstance(error, exceptions.Throttled):
        return body | {"detail": TOO_MANY_REQUESTS}
    return body | {"detail": str(error.detail)}


def field_errors(found: Any, pointer: str = "") -> Iterator[dict[str, str]]:
    """What is wrong with each field, by its JSON pointer (RFC 6901); "" is the body itself."""
    if isinstance(found, dict):
        for name, each in found.items():
            yield from field_errors(each, pointer if name == WHOLE else f"{pointer}/{_escaped(str(name))}")
    elif isinstance(found, list):
        for place, each in enumerate(found):
            # Sentences about one field stand side by side; what is nested is about its elements.
            yield from field_errors(each, pointer if isinstance(each, str) else f"{pointer}/{place}")
    else:
        yield {"pointer": pointer, "detail": str(found), "code": str(getattr(found, "code", "invalid"))}


def _escaped(name: str) -> str:
    return name.replace("~", "~0").replace("/", "~1")


def _headers(error: exceptions.APIException) -> dict[str, str]:
    headers = dict(getattr(error, "headers", {}))
    if challenge := getattr(error, "auth_header", None):
        headers["WWW-Authenticate"] = challenge
    if (wait := getattr(error, "wait", None)) is not None:
        headers["Retry-After"] = str(max(1, round(wait)))
    return headers
