"""Addresses of the quarantine, below /api/v1/."""

from django.urls import path

from events.quarantine.api import (
    DiscardQuarantinedBatchView,
    DiscardQuarantineView,
    QuarantinedBatchView,
    QuarantineView,
    RetryQuarantinedBatchView,
    RetryQuarantineView,
)

_BASE = "workspaces/<str:workspace_id>/quarantine"

urlpatterns = [
    path(_BASE, QuarantineView.as_view(), name="quarantine"),
    path(f"{_BASE}/retry", RetryQuarantineView.as_view(), name="retry-quarantine"),
    path(f"{_BASE}/discard", DiscardQuarantineView.as_view(), name="discard-quarantine"),
    path(f"{_BASE}/<str:batch_id>", QuarantinedBatchView.as_view(), name="quarantined-batch"),
    path(f"{_BASE}/<str:batch_id>/retry", RetryQuarantinedBatchView.as_view(), name="retry-quarantined-batch"),
    path(f"{_BASE}/<str:batch_id>/discard", DiscardQuarantinedBatchView.as_view(), name="discard-quarantined-batch"),
]
