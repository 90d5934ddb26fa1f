"""Addresses: the intake, our own APIs, health, the console."""

from django.contrib import admin
from django.urls import URLPattern, URLResolver, include, path, re_path
from drf_spectacular.views import SpectacularAPIView

from cdp_project import unknown_addresses
from cdp_project.console.pages.api_docs import api_docs
from cdp_project.console.pages.home import home
from cdp_project.operation.metrics import metrics
from cdp_project.workspaces.api import RevocationView, TokenView

urlpatterns: list[URLPattern | URLResolver] = [
    path("", include("events.urls")),
    path("api/v1/", include("identity.urls")),
    path("api/v1/", include("cdp_project.workspaces.http.urls")),
    path("api/v1/", include("events.inputs.urls")),
    path("api/v1/", include("events.quarantine.urls")),
    path("api/v1/", include("events.outcomes.urls")),
    path("api/v1/", include("connections.urls")),
    path("api/v1/", include("directory.urls")),
    path("metrics", metrics, name="metrics"),
    path("oauth/token", TokenView.as_view(), name="token"),
    path("oauth/revoke", RevocationView.as_view(), name="revoke-token"),
    # Pages of a workspace have /w/<slug>/<environment> in front, which console.middleware takes off.
    path("admin/", admin.site.urls),
    path("", home, name="home"),
    path("api/schema/", SpectacularAPIView.as_view(), name="schema"),
    path("api/docs/", api_docs, name="api-docs"),
    # Programs ask here: what is not above is answered in their language, whatever its case and slashes.
    # Both cases letter by letter: Django cannot reverse addresses beside a pattern with `(?i:`.
    re_path(r"^(?:[vV]\d+|[oO][aA][uU][tT][hH])(?:/|$)", unknown_addresses.of_intake),
    re_path(r"^[aA][pP][iI](?:/|$)", unknown_addresses.of_api),
]
