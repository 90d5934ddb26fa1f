"""mParticle's Events API as its server SDKs speak it (reference 2.1; wire.md 3 and 4)."""

import json
from collections.abc import Sequence
from typing import Any
from uuid import UUID

from cdp_project.kernel.buckets import time_of_id
from events.batch import Batch, BatchError
from events.decoding.basic_auth import basic_credentials
from events.decoding.events_api import batch_of, count_events, head_of
from events.decoding.limits import BATCHES_PER_REQUEST_MOST, REQUEST_BYTES_MOST
from events.decoding.safe_json import elements_of
from events.intake.refusals import JSON, bad_request, error_reply, unusable
from events.processing.history import is_history
from events.protocol import Credentials, Endpoint, IntakeRefusal, IntakeRequest, Part, Reply
from events.reasons import NOT_HISTORICAL, REASONS


class MParticle:
    """One batch, or an array of them, behind the Basic key and secret of an input."""

    key = "mparticle"
    name = "mParticle Events API"
    endpoints = (
        Endpoint("v2/events", "uploadEvents"),
        Endpoint("v2/bulkevents", "bulkUploadEvents", is_bulk=True),
        Endpoint("v2/bulkevents/historical", "bulkUploadHistoricalEvents", is_bulk=True, is_historical=True),
    )
    request_bytes_most = REQUEST_BYTES_MOST

    def credentials(self, request: IntakeRequest) -> Credentials | None:
        return basic_credentials(request.headers)

    def split(self, request: IntakeRequest) -> list[Part]:
        """One part, or one per element of the array: there a bad batch is a part too, and quarantined later."""
        try:
            if not request.endpoint.is_bulk:
                return [Part(request.body, head_of(request.body))]
            elements = elements_of(request.body)
        except BatchError as error:
            raise unusable(error) from None
        if len(elements) > BATCHES_PER_REQUEST_MOST:
            raise bad_request(f"The array has {len(elements)} batches; at most {BATCHES_PER_REQUEST_MOST} are taken.")
        return [_part(element) for element in elements]

    def decode(self, body: bytes) -> Batch:
        return batch_of(body)

    def accepted(self, request: IntakeRequest, parts: Sequence[Part], batch_ids: Sequence[UUID]) -> Reply:
        """202 without a body; on bulk `?verbose=1` asks for one result per batch."""
        if not request.endpoint.is_bulk or request.query.get("verbose") != "1":
            return Reply(202, {}, b"")
        result = _historical_result if request.endpoint.is_historical else _result
        results = [result(index, part, batch_ids[index]) for index, part in enumerate(parts)]
        return Reply(202, JSON, json.dumps({"results": results}).encode())

    def refused(self, refusal: IntakeRefusal) -> Reply:
        return error_reply(refusal)


def _part(body: bytes) -> Part:
    try:
        return Part(body, head_of(body))
    except BatchError as error:
        error.event_count = count_events(body)
        return Part(body, error)


def _result(index: int, part: Part, batch_id: UUID) -> dict[str, Any]:
    result = {"index": index, "batch_id": str(batch_id), "status": "accepted"}
    if isinstance(part.head, BatchError):
        return result | {"status": "quarantined", "code": part.head.code, "message": part.head.message}
    return result


def _historical_result(index: int, part: Part, batch_id: UUID) -> dict[str, Any]:
    """The same, and `skipped` for a batch that the pipeline will drop since it tells no history."""
    result = _result(index, part, batch_id)
    if isinstance(part.head, BatchError) or is_history(batch_of(part.body).events, time_of_id(batch_id)):
        return result
    return result | {"status": "skipped", "code": NOT_HISTORICAL, "message": REASONS[NOT_HISTORICAL]}


PROTOCOL = MParticle()
