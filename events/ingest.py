"""Take a request in: the one entrance of every lane. A 2xx leaves only after the commit (DESIGN section 1)."""

import os
import re
import secrets
from collections.abc import Mapping, Sequence
from concurrent.futures import Future
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID, uuid4

import psycopg
import structlog
from django.conf import settings

from cdp_project.kernel import clock
from cdp_project.kernel.buckets import BUCKETS, time_ordered_id
from cdp_project.kernel.database import Connection
from cdp_project.kernel.failpoints import failpoint
from cdp_project.kernel.wake import waker
from cdp_project.workspaces.environment import Environment
from events import bodies, inbox, rate_limit
from events.backpressure import Backpressure
from events.batch import BatchError
from events.group_commit import GroupCommit, StoreBusy, StoreUnavailable, Unstorable
from events.inbox import NewBatch
from events.keys import KeyHolder, KeyRing, secret_fits
from events.lane_key import key_bucket, lane_of_bucket
from events.protocol import Endpoint, IntakeProtocol, IntakeRefusal, IntakeRequest, Part, Reply
from events.refusals import bad_request, input_off, no_credentials, unavailable, wrong_credentials

log = structlog.get_logger(__name__)

WAIT_S = 10.0
STORE_AWAY = "The store is away; nothing was taken. Send the same again."
_SANE_REQUEST_ID = re.compile(r"[A-Za-z0-9._:-]{1,100}")


class Desk:
    """What one process takes requests in with. Connections and threads are made when they are needed."""

    def __init__(self) -> None:
        self.keys = KeyRing()
        self.backpressure = Backpressure()
        self.sequence = inbox.AcceptSequence()
        self.group_commit = GroupCommit(self._write, self.sequence.draw_slot)

    def _write(self, connection: Connection, batches: Sequence[NewBatch]) -> None:
        failpoint("intake.before_insert")
        inbox.insert(connection, batches, self.sequence, clock.now())
        failpoint("intake.after_commit")
        waker.hint("pipeline")

    def start_anew(self) -> None:
        """After a fork: the child shares neither connections nor threads nor numbers with its parent."""
        vars(self).update(vars(Desk()))


desk = Desk()
os.register_at_fork(after_in_child=desk.start_anew)


@dataclass(frozen=True, slots=True)
class Admitted:
    """A request that may be stored: its batches, and what is needed to answer once they are."""

    request: IntakeRequest
    parts: Sequence[Part]
    batches: Sequence[NewBatch]
    limit_percent: int | None


def accept(
    protocol: IntakeProtocol,
    endpoint: Endpoint,
    headers: Mapping[str, str],
    query: Mapping[str, str],
    body: bytes,
    client_ip: str,
) -> Reply:
    """Store all batches of the request by one commit and answer, or refuse it whole.

    Header names are in lower case; the body is as it came over the wire. Never raises for what a client did.
    """
    request_id = request_id_of(headers)
    try:
        admitted = admit(protocol, endpoint, headers, query, body)
        _wait(_submit(admitted.batches))
        reply = _answer(protocol, admitted)
        log.debug("request accepted", request_id=request_id, **_batches_of(admitted))
    except IntakeRefusal as refusal:
        log.info(
            "request refused",
            request_id=request_id,
            path=endpoint.path,
            status=refusal.status,
            code=refusal.code,
            reason=refusal.message,
            client=client_ip,
        )
        reply = protocol.refused(refusal)
    return Reply(reply.status, {**reply.headers, "X-Request-Id": request_id}, reply.body)


def _batches_of(admitted: Admitted) -> dict[str, object]:
    return {
        "batches": len(admitted.batches),
        "first_batch_id": admitted.batches[0].batch_id if admitted.batches else None,
    }


def request_id_of(headers: Mapping[str, str]) -> str:
    """The client's own `X-Request-Id` when it is a sane one, else a new one."""
    given = headers.get("x-request-id", "")
    return given if _SANE_REQUEST_ID.fullmatch(given) else uuid4().hex


def admit(
    protocol: IntakeProtocol,
    endpoint: Endpoint,
    headers: Mapping[str, str],
    query: Mapping[str, str],
    body: bytes,
) -> Admitted:
    """Everything that is decided before storing. IntakeRefusal says what is wrong."""
    now = clock.now()
    plain = bodies.inflate(body, headers.get("content-encoding", ""), protocol.request_bytes_most)
    request = IntakeRequest(endpoint, headers, query, plain)
    holder = _authenticate(protocol, request, now)
    if problem := desk.backpressure.problem(now):
        raise unavailable(problem, after_s=30)
    parts = protocol.split(request)
    limit_percent = rate_limit.take(holder, len(parts), now)
    batches = [_new_batch(protocol, endpoint, holder, part, now) for part in parts]
    return Admitted(request, parts, batches, limit_percent)


def _authenticate(protocol: IntakeProtocol, request: IntakeRequest, now: datetime) -> KeyHolder:
    shown = protocol.credentials(request)
    if shown is None:
        raise no_credentials()
    try:
        holder = desk.keys.find(shown.key)
    except psycopg.Error:
        raise unavailable(STORE_AWAY) from None
    fits = shown.secret is None or secret_fits(holder, shown.secret)
    if holder is None or not fits or not holder.is_valid(now):
        raise wrong_credentials()
    if not holder.is_active:
        raise input_off()
    return holder


def _new_batch(protocol: IntakeProtocol, endpoint: Endpoint, holder: KeyHolder, part: Part, now: datetime) -> NewBatch:
    head = None if isinstance(part.head, BatchError) else part.head
    bucket = None if head is None else key_bucket(head, holder.workspace_id)
    if bucket is None:
        bucket = secrets.randbelow(BUCKETS)  # names nobody: any lane will do
    lane = lane_of_bucket(bucket, settings.CDP_LANES)
    encoding, body = bodies.pack(part.body)
    return NewBatch(
        bucket=lane,
        batch_id=time_ordered_id(now, lane),
        workspace_id=holder.workspace_id,
        input_id=holder.input_id,
        environment=Environment.PRODUCTION if head is None else head.environment,
        protocol=protocol.key,
        is_historical=endpoint.is_historical,
        received_at=now,
        event_count=0 if head is None else head.event_count,
        encoding=encoding,
        body=body,
    )


def _submit(batches: Sequence[NewBatch]) -> "Future[None]":
    try:
        return desk.group_commit.submit(batches)
    except StoreBusy:
        raise unavailable("Too many requests wait to be stored; send the same again.", after_s=1) from None


def _wait(done: "Future[None]") -> None:
    try:
        done.result(WAIT_S)
    except TimeoutError:
        # Not stored if it still waited for its turn; else unknown, and de-duplication drops the repeat.
        done.cancel()
        raise unavailable("The store did not answer in time. Send the same again.") from None
    except StoreUnavailable:
        raise unavailable(STORE_AWAY) from None
    except Unstorable:
        raise bad_request("The store refuses the content of this request.") from None


def _answer(protocol: IntakeProtocol, admitted: Admitted) -> Reply:
    failpoint("intake.before_answer")
    ids: list[UUID] = [batch.batch_id for batch in admitted.batches]
    reply = protocol.accepted(admitted.request, admitted.parts, ids)
    if admitted.limit_percent is None:
        return reply
    headers = {**reply.headers, "X-mp-rate-limit-percentage-used": str(admitted.limit_percent)}
    return Reply(reply.status, headers, reply.body)


def release() -> None:
    """Give all connections back and forget what was looked up; the next request starts anew."""
    desk.group_commit.close()
    desk.keys.forget()
    desk.backpressure.forget()
