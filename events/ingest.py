"""Take a request in: the one entrance of every lane. A 2xx leaves only after the commit (DESIGN section 1)."""

import re
from collections.abc import Mapping, Sequence
from concurrent.futures import Future
from uuid import uuid4

import structlog

from cdp_project.kernel.failpoints import failpoint
from events.intake.admission import Admitted, admit
from events.intake.desk import desk
from events.intake.group_commit import StoreBusy, StoreUnavailable, Unstorable
from events.intake.inbox import NewBatch
from events.intake.refusals import bad_request, store_away, unavailable
from events.protocol import Endpoint, IntakeProtocol, IntakeRefusal, Reply

log = structlog.get_logger(__name__)

WAIT_S = 10.0
_SANE_REQUEST_ID = re.compile(r"[A-Za-z0-9._:-]{1,100}")


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
        raise store_away() from None
    except Unstorable:
        raise bad_request("The store refuses the content of this request.") from None


def _answer(protocol: IntakeProtocol, admitted: Admitted) -> Reply:
    failpoint("intake.before_answer")
    ids = [batch.batch_id for batch in admitted.batches]
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
