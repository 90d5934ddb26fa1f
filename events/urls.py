"""Addresses of the intake, every endpoint of every protocol, and of health. No slash is added (wire.md 1)."""

from django.urls import path

from events import health
from events.api import IntakeView
from events.protocol import PROTOCOLS

urlpatterns = [
    *(
        path(endpoint.path, IntakeView.as_view(protocol=protocol, endpoint=endpoint), name=endpoint.name)
        for protocol in PROTOCOLS.values()
        for endpoint in protocol.endpoints
    ),
    path("healthz", health.alive, name="alive"),
    path("readyz", health.ready, name="ready"),
]
