"""Take a request in: the one entrance of every lane. A 2xx leaves only after the commit (DESIGN section 1)."""

import logging
import random
import re
from collections.abc import Mapping

import structlog

from cdp_project.kernel.coroutines import run_here
from cdp_project.kernel.failpoints import failpoint
from events import measures
from events.intake.admission import Admitted, admit
from events.intake.desk import desk
from events.intake.gathering import StoreBusy
from events.intake.refusals import bad_request, store_away, unavailable
from events.intake.storing import StoreUnavailable, Unstorable
from events.intake.waits import ThreadWaits, Waits
from events.protocol import Endpoint, IntakeProtocol, IntakeRefusal, Reply

log = structlog.get_logger(__name__)
# Asked before a line is put together that nobody may want.
_level = logging.getLogger(__name__)

LAST_COMMIT_WAIT_S = 5.0
_SANE_REQUEST_ID = re.compile(r"[A-Za-z0-9._:-]{1,100}")
_IN_THREAD = ThreadWaits()


def accept(
    protocol: IntakeProtocol,
    endpoint: Endpoint,
    headers: Mapping[str, str],
    query: Mapping[str, str],
    body: bytes,
    client_ip: str,
) -> Reply:
    """Store all batches of the request by one commit and answer, or refuse it whole. Blocks its thread meanwhile.

    Header names are in lower case; the body is as it came over the wire. Never raises for what a client did.
    """
    origin = Origin(request_id_of(headers), client_ip)
    reply = run_here(take_in(_IN_THREAD, origin, protocol, endpoint, headers, query, body))
    return Reply(reply.status, {**reply.headers, "X-Request-Id": origin.request_id}, reply.body)


class Origin:
    """Where a request comes from, for log lines and the answer's `X-Request-Id`."""

    __slots__ = ("client_ip", "request_id")

    def __init__(self, request_id: str, client_ip: str) -> None:
        self.request_id = request_id
        self.client_ip = client_ip


async def take_in(
    waits: Waits,
    origin: Origin,
    protocol: IntakeProtocol,
    endpoint: Endpoint,
    headers: Mapping[str, str],
    query: Mapping[str, str],
    body: bytes,
) -> Reply:
    """As `accept`, for every way of waiting, and without the request's id in the answer."""
    try:
        admitted = await admit(waits, protocol, endpoint, headers, query, body)
        await _store(waits, admitted)
        reply = await waits.work(len(admitted.request.body), _answer, protocol, admitted)
    except IntakeRefusal as refusal:
        _log_refused(refusal, endpoint, origin)
        return protocol.refused(refusal)
    if _level.isEnabledFor(logging.DEBUG):
        log.debug("request accepted", request_id=origin.request_id, **_batches_of(admitted))
    return reply


def _log_refused(refusal: IntakeRefusal, endpoint: Endpoint, origin: Origin) -> None:
    measures.REFUSED_REQUESTS.add(1, refusal.status, refusal.code)
    log.info(
        "request refused",
        request_id=origin.request_id,
        path=endpoint.path,
        status=refusal.status,
        code=refusal.code,
        reason=refusal.message,
        client=origin.client_ip,
    )


def _batches_of(admitted: Admitted) -> dict[str, object]:
    return {
        "batches": len(admitted.batches),
        "first_batch_id": admitted.batches[0].batch_id if admitted.batches else None,
    }


def request_id_of(headers: Mapping[str, str]) -> str:
    """The client's own `X-Request-Id` when it is a sane one, else a new one."""
    given = headers.get("x-request-id", "")
    return given if given and _SANE_REQUEST_ID.fullmatch(given) else f"{random.getrandbits(128):032x}"


async def _store(waits: Waits, admitted: Admitted) -> None:
    try:
        await waits.stored(admitted.batches)
    except StoreBusy:
        raise unavailable("Too many requests wait to be stored; send the same again.", after_s=1) from None
    except TimeoutError:
        # Not stored if it still waited for its turn; else unknown, and de-duplication drops the repeat.
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


def release(wait_s: float = 0.0) -> None:
    """Give all connections back and forget what was looked up; the next request starts anew.

    What waits for a commit is waited for, as long as it may take.
    """
    desk.group_commit.close(wait_s)
    desk.keys.forget()
    desk.backpressure.forget()
