"""Addresses of the directory, below /api/v1/."""

from django.urls import path

from directory.api import IntegrationsView, IntegrationView

urlpatterns = [
    path("integrations", IntegrationsView.as_view(), name="integrations"),
    path("integrations/<str:key>", IntegrationView.as_view(), name="integration"),
]
