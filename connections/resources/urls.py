"""Addresses of outputs and connections, below /api/v1/."""

from django.urls import path

from connections.resources.connections_api import ConnectionsView, ConnectionView
from connections.resources.outputs_api import OutputsView, OutputView

_BASE = "workspaces/<str:workspace_id>"

urlpatterns = [
    path(f"{_BASE}/outputs", OutputsView.as_view(), name="outputs"),
    path(f"{_BASE}/outputs/<str:output_id>", OutputView.as_view(), name="output"),
    path(f"{_BASE}/connections", ConnectionsView.as_view(), name="connections"),
    path(f"{_BASE}/connections/<str:connection_id>", ConnectionView.as_view(), name="connection"),
]
