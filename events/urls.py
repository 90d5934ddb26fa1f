"""Addresses of the intake: every endpoint of every protocol. No trailing slash and no redirect (wire.md 1)."""

from django.urls import path

from events.api import IntakeView
from events.protocol import PROTOCOLS

urlpatterns = [
    path(endpoint.path, IntakeView.as_view(protocol=protocol, endpoint=endpoint), name=endpoint.name)
    for protocol in PROTOCOLS.values()
    for endpoint in protocol.endpoints
]
