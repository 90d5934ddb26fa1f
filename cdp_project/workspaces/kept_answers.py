"""Answers of calls with an Idempotency-Key: a key is claimed, its answer kept, repeated, and forgotten a day later."""

from datetime import datetime, timedelta
from typing import Any

import psycopg
from django.db import OperationalError, connection, transaction
from django.http import HttpResponse
from rest_framework.renderers import JSONRenderer
from rest_framework.response import Response

from cdp_project.kernel import clock, secretbox
from cdp_project.kernel.errors import Refusal
from cdp_project.kernel.secretbox import SecretUnreadable
from cdp_project.workspaces.models import KeptAnswer

KEPT = timedelta(hours=24)
FORGET_AT_ONCE = 10_000
# The same call is usually over in this time; then the repeat gets its answer instead of a 409.
UNDER_WAY_WAIT_MS = 200
REPLAYED = "Idempotency-Replayed"
KEPT_HEADERS = ("ETag", "Location", "Retry-After", "Cache-Control")

_CLAIM = """
INSERT INTO kept_answer (credential_id, key, fingerprint, status, headers, answer_encrypted, created_at)
VALUES (%s, %s, %s, 0, '{}', '', %s) ON CONFLICT (credential_id, key) DO NOTHING RETURNING id
"""


def claim(credential_id: int, key: str, fingerprint: bytes) -> int | None:
    """Take the key: the number of its row, None when it was taken before. Raises Refusal 409 while another call has it.

    `fingerprint` tells requests apart. The row stays if the transaction does.
    """
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


def repeat(credential_id: int, key: str, fingerprint: bytes) -> HttpResponse:
    """What the first call was answered. Raises Refusal 422 for another request, 409 when there is no answer to give."""
    kept = KeptAnswer.objects.filter(credential_id=credential_id, key=key).first()
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


def keep(claimed: int, answer: Response) -> None:
    """Keep the answer, encrypted: it may carry a secret."""
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


def _under_way() -> Refusal:
    told = "The call with this Idempotency-Key is still under way; ask again in a second."
    return Refusal(409, "still_under_way", told, {"Retry-After": "1"})
