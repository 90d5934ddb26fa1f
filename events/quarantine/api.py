"""The quarantine over HTTP (Bearer): look, let batches be processed again, discard them."""

from dataclasses import replace
from typing import Any

from drf_spectacular.utils import OpenApiParameter
from rest_framework.views import APIView

from cdp_project.kernel.cursor import Position
from cdp_project.kernel.errors import not_found
from cdp_project.workspaces.models import Role
from cdp_project.workspaces.parameters import choice_of, id_of, position_of, uuid_of
from cdp_project.workspaces.reading import CURSOR, LIMIT, Asked, Body, acting, page, reading
from events.quarantine import actions
from events.quarantine.moving import Moved, Selection
from events.quarantine.selectors import QuarantinedBatch, quarantined, quarantined_batch
from events.quarantine.serializers import (
    MovedSerializer,
    QuarantinedBodySerializer,
    QuarantinePageSerializer,
    SelectionSerializer,
)
from events.reasons import QUARANTINE_REASONS

REASON = OpenApiParameter("reason", str, enum=QUARANTINE_REASONS)
INPUT = OpenApiParameter("input_id", int)


class QuarantineView(APIView):
    """Batches in quarantine."""

    @reading("listQuarantine", QuarantinePageSerializer, REASON, INPUT, LIMIT, CURSOR)
    def get(self, asked: Asked) -> dict[str, Any]:
        """Batches that could not be processed, the last to have come into quarantine first."""
        reason, input_id = choice_of(asked.query, "reason", QUARANTINE_REASONS), id_of(asked.query, "input_id")
        before = position_of(asked.query, Position)
        wanted = replace(_all(asked), reason=reason, input_id=input_id)
        found = quarantined(wanted, before=before, limit=asked.limit + 1)
        return page(found, asked.limit, lambda batch: batch.position)


class QuarantinedBatchView(APIView):
    """One batch in quarantine."""

    @reading("readQuarantinedBatch", QuarantinedBodySerializer)
    def get(self, asked: Asked, batch_id: str) -> QuarantinedBatch:
        """One batch, and for editors what was sent."""
        found = quarantined_batch(_all(asked), uuid_of(batch_id, "batch_id"))
        if found is None:
            raise not_found("batch in quarantine")
        return found if asked.role >= Role.EDITOR else replace(found, body=None)


class RetryQuarantineView(APIView):
    """Process again."""

    @acting("retryQuarantine", MovedSerializer, SelectionSerializer)
    def post(self, asked: Asked) -> Moved:
        """Put the batches back into the inbox, the oldest first, at most 1,000 (and 32 MB) a call."""
        return actions.retry(asked.actor, asked.workspace, replace(_all(asked), **asked.data))


class DiscardQuarantineView(APIView):
    """Discard."""

    @acting("discardQuarantine", MovedSerializer, SelectionSerializer)
    def post(self, asked: Asked) -> Moved:
        """Delete the batches for good, the oldest first, at most 1,000 (and 32 MB) a call."""
        return actions.discard(asked.actor, asked.workspace, replace(_all(asked), **asked.data))


class RetryQuarantinedBatchView(APIView):
    """Process one again."""

    @acting("retryQuarantinedBatch", MovedSerializer, Body)
    def post(self, asked: Asked, batch_id: str) -> Moved:
        """Put the batch back into the inbox under its own id."""
        return _found(actions.retry(asked.actor, asked.workspace, _one(asked, batch_id)))


class DiscardQuarantinedBatchView(APIView):
    """Discard one."""

    @acting("discardQuarantinedBatch", MovedSerializer, Body)
    def post(self, asked: Asked, batch_id: str) -> Moved:
        """Delete the batch for good."""
        return _found(actions.discard(asked.actor, asked.workspace, _one(asked, batch_id)))


def _all(asked: Asked) -> Selection:
    return Selection(asked.workspace.pk, asked.environment)


def _one(asked: Asked, batch_id: str) -> Selection:
    return replace(_all(asked), batch_ids=[uuid_of(batch_id, "batch_id")])


def _found(moved: Moved) -> Moved:
    if not moved.batches:
        raise not_found("batch in quarantine")
    return moved
