"""Unsafe calls in one transaction each; under an Idempotency-Key once, whoever repeats them and whatever dies."""

import hashlib
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

import psycopg
from django.core.exceptions import RequestDataTooBig
from django.db import OperationalError, connection, transaction
from django.http import HttpResponse, HttpResponseBase
from drf_spectacular.utils import OpenApiParameter
from rest_framework.exceptions import APIException
from rest_framework.renderers import JSONRenderer
from rest_framework.request import Request
from rest_framework.response import Response

from cdp_project.kernel import clock, secretbox
from cdp_project.kernel.errors import Refusal, problem_response
from cdp_project.kernel.failpoints import failpoint
from cdp_project.kernel.json_body import BodyTooLarge
from cdp_project.kernel.secretbox import SecretUnreadable
from cdp_project.workspaces.models import KeptAnswer

KEY_CHARACTERS_MOST = 255
KEPT = timedelta(hours=24)
FORGET_AT_ONCE = 10_000
# The same call is usually over in this time; then the repeat gets its answer instead of a 409.
UNDER_WAY_WAIT_MS = 200
# Nothing is wrong with the call: it only has to run again.
COLLISIONS = (psycopg.errors.DeadlockDetected, psycopg.errors.SerializationFailure)
TRIES_MOST = 3
REPLAYED = "Idempotency-Replayed"
KEPT_HEADERS = ("ETag", "Location", "Retry-After", "Cache-Control")

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

_CLAIM = """
INSERT INTO kept_answer (credential_id, key, fingerprint, status, headers, answer_encrypted, created_at)
VALUES (%s, %s, %s, 0, '{}', '', %s) ON CONFLICT (credential_id, key) DO NOTHING RETURNING id
"""


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
    claimed = _claim(caller, key, fingerprint)
    if claimed is None:
        return _repeated(KeptAnswer.objects.filter(credential_id=caller, key=key).first(), fingerprint)
    try:
        with transaction.atomic():
            answer = perform()
    except APIException as error:
        if error.status_code >= 500 or error.status_code == 429:
            raise
        answer = _problem(error, request)
    _keep(claimed, answer)
    return answer


def _fingerprint(request: Request) -> bytes:
    try:
        body = request._request.body
    except RequestDataTooBig:
        raise BodyTooLarge("The body is too large.") from None
    # Under another If-Match it is another request, though method, path and body are the same.
    head = f"{request.method} {request.get_full_path()}\n{request.headers.get('If-Match', '')}\n"
    return hashlib.sha256(head.encode("utf-8", "surrogatepass") + body).digest()


def _claim(credential_id: int, key: str, fingerprint: bytes) -> int | None:
    """Take the key, for as long as this transaction lasts; None when it was taken before."""
    try:
        with transaction.atomic(), connection.cursor() as cursor:
            # Whoever has the key holds others up until it commits: they wait a moment, and not for the whole call.
            cursor.execute(f"SET LOCAL lock_timeout = {UNDER_WAY_WAIT_MS}")
            cursor.execute(_CLAIM, [credential_id, key, fingerprint, clock.now()])
            found: tuple[int] | None = cursor.fetchone()
            cursor.execute("SET LOCAL lock_timeout TO DEFAULT")
    except OperationalError as error:
        if isinstance(error.__cause__, psycopg.errors.LockNotAvailable):
            raise _under_way() from None
        raise
    return None if found is None else found[0]


def _under_way() -> Refusal:
    told = "The call with this Idempotency-Key is still under way; ask again in a second."
    return Refusal(409, "still_under_way", told, {"Retry-After": "1"})


def _repeated(kept: KeptAnswer | None, fingerprint: bytes) -> HttpResponse:
    if kept is None:
        # It was forgotten a moment ago.
        raise _under_way()
    if bytes(kept.fingerprint) != fingerprint:
        told = "This Idempotency-Key came with another request; use a new key for each call that is not a repeat."
        raise Refusal(422, "idempotency_key_reused", told)
    headers: dict[str, Any] = {**kept.headers, REPLAYED: "true"}
    try:
        return HttpResponse(secretbox.decrypt(kept.answer_encrypted), status=kept.status, headers=headers)
    except SecretUnreadable:
        told = "The call was done, and its answer cannot be read any more: read what it made, or use a new key."
        raise Refusal(409, "answer_unreadable", told) from None


def _problem(error: APIException, request: Request) -> Response:
    answer = problem_response(error, {"request": request})
    if answer is None:
        raise error
    return answer


def _keep(claimed: int, answer: Response) -> None:
    headers = {name: answer.headers[name] for name in KEPT_HEADERS if name in answer.headers}
    body = b"" if answer.data is None else JSONRenderer().render(answer.data)
    if body:
        headers["Content-Type"] = answer.content_type or "application/json"
    KeptAnswer.objects.filter(pk=claimed).update(
        status=answer.status_code, headers=headers, answer_encrypted=secretbox.encrypt(body.decode())
    )


def forget_old(now: datetime) -> int:
    """Delete answers that were kept for their time, a bounded number at a time; returns how many."""
    old = KeptAnswer.objects.filter(created_at__lt=now - KEPT).order_by("created_at").values("pk")[:FORGET_AT_ONCE]
    return KeptAnswer.objects.filter(pk__in=old).delete()[0]
