"""Addresses: the intake, our own APIs, health, the console."""

from django.contrib import admin
from django.urls import URLPattern, URLResolver, include, path

from cdp_project.console.pages.home import home
from cdp_project.workspaces.api import TokenView

urlpatterns: list[URLPattern | URLResolver] = [
    path("", include("events.urls")),
    path("api/v1/", include("identity.urls")),
    path("oauth/token", TokenView.as_view(), name="token"),
    # Pages of a workspace have /w/<slug>/<environment> in front, which console.middleware takes off.
    path("admin/", admin.site.urls),
    path("", home, name="home"),
]
