"""Addresses of outputs, connections, and what became of events, below /api/v1/."""

from django.urls import include, path

from connections.api import (
    AcknowledgeAlertView,
    AlertsView,
    AttemptsView,
    DeliveriesView,
    EventView,
    RetryDeliveriesView,
    VerdictsView,
)

_BASE = "workspaces/<str:workspace_id>"

urlpatterns = [
    path("", include("connections.resources.urls")),
    path(f"{_BASE}/events/<str:event_id>", EventView.as_view(), name="event"),
    path(f"{_BASE}/deliveries", DeliveriesView.as_view(), name="deliveries"),
    path(f"{_BASE}/deliveries/retry", RetryDeliveriesView.as_view(), name="retry-deliveries"),
    path(f"{_BASE}/attempts", AttemptsView.as_view(), name="attempts"),
    path(f"{_BASE}/alerts", AlertsView.as_view(), name="alerts"),
    path(f"{_BASE}/alerts/<str:alert_id>/acknowledge", AcknowledgeAlertView.as_view(), name="acknowledge-alert"),
    path(f"{_BASE}/verdicts", VerdictsView.as_view(), name="verdicts"),
]
