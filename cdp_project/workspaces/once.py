"""Unsafe calls in one transaction each; under an Idempotency-Key once, whoever repeats them and whatever dies."""

import hashlib
from collections.abc import Callable
from datetime import timedelta

import psycopg
from django.core.exceptions import RequestDataTooBig
from django.db import OperationalError, transaction
from django.http import HttpResponseBase
from drf_spectacular.utils import OpenApiParameter
from rest_framework.exceptions import APIException
from rest_framework.request import Request
from rest_framework.response import Response

from cdp_project.kernel.errors import Refusal, problem_response
from cdp_project.kernel.failpoints import failpoint
from cdp_project.kernel.json_body import BodyTooLarge
from cdp_project.workspaces import kept_answers
from cdp_project.workspaces.kept_answers import KEPT, REPLAYED

KEY_CHARACTERS_MOST = 255
# Nothing is wrong with the call: it only has to run again.
COLLISIONS = (psycopg.errors.DeadlockDetected, psycopg.errors.SerializationFailure)
TRIES_MOST = 3
KEY_FORM = {"type": "string", "maxLength": KEY_CHARACTERS_MOST, "pattern": "^[!-~]([ -~]*[!-~])?$"}

HEADERS = (
    OpenApiParameter(
        "Idempotency-Key",
        KEY_FORM,
        OpenApiParameter.HEADER,
        description=f"1 to {KEY_CHARACTERS_MOST} printable ASCII characters of your choice. A repeat under the same "
        f"key within {KEPT // timedelta(hours=1)} hours changes nothing again and is answered the same.",
    ),
    OpenApiParameter(
        REPLAYED,
        str,
        OpenApiParameter.HEADER,
        enum=["true"],
        response=[200, 201, 204, 400, 404, 409, 412],
        description="This call is a repeat.",
    ),
)


def once(request: Request, perform: Callable[[], Response]) -> HttpResponseBase:
    """Perform in one transaction. With a key: keep the answer in it, or answer a repeat as the first call.

    Raises Refusal 400, 409 or 422 for a key that cannot be used. Server faults, and 429, are not kept. Of two calls
    that block each other one is done again; `perform` has no effect outside the transaction.
    """
    key = _key_of(request)
    for _ in range(TRIES_MOST - 1):
        try:
            return _in_one_transaction(request, key, perform)
        except COLLISIONS:
            continue
        except OperationalError as error:
            if not isinstance(error.__cause__, COLLISIONS):
                raise
    return _in_one_transaction(request, key, perform)


def _in_one_transaction(request: Request, key: str | None, perform: Callable[[], Response]) -> HttpResponseBase:
    with transaction.atomic():
        answer = perform() if key is None else _under_key(request, key, perform)
        failpoint("api.before_commit")
    failpoint("api.after_commit")
    return answer


def _key_of(request: Request) -> str | None:
    key = request.headers.get("Idempotency-Key")
    if key is None:
        return None
    if not (1 <= len(key) <= KEY_CHARACTERS_MOST and key.isascii() and key.isprintable()):
        rule = f"has 1 to {KEY_CHARACTERS_MOST} printable ASCII characters"
        raise Refusal(400, "bad_idempotency_key", f"The header Idempotency-Key {rule}.")
    return key


def _under_key(request: Request, key: str, perform: Callable[[], Response]) -> HttpResponseBase:
    caller, fingerprint = int(request.auth.pk), _fingerprint(request)
    claimed = kept_answers.claim(caller, key, fingerprint)
    if claimed is None:
        return kept_answers.repeat(caller, key, fingerprint)
    try:
        with transaction.atomic():
            answer = perform()
    except APIException as error:
        if error.status_code >= 500 or error.status_code == 429:
            raise
        answer = _problem(error, request)
    kept_answers.keep(claimed, answer)
    return answer


def _fingerprint(request: Request) -> bytes:
    try:
        body = request._request.body
    except RequestDataTooBig:
        raise BodyTooLarge("The body is too large.") from None
    # Under another If-Match it is another request, though method, path and body are the same.
    head = f"{request.method} {request.get_full_path()}\n{request.headers.get('If-Match', '')}\n"
    return hashlib.sha256(head.encode("utf-8", "surrogatepass") + body).digest()


def _problem(error: APIException, request: Request) -> Response:
    answer = problem_response(error, {"request": request})
    if answer is None:
        raise error
    return answer
