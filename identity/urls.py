"""Addresses for reading people and their events, below /api/v1/."""

from django.urls import path

from identity.api import EventsView, ProfilesView, SessionsView, SingleProfileView

urlpatterns = [
    path("workspaces/<str:workspace_id>/events", EventsView.as_view(), name="events-of-person"),
    path("workspaces/<str:workspace_id>/profiles", ProfilesView.as_view(), name="profiles"),
    path("workspaces/<str:workspace_id>/profiles/<str:mpid>", SingleProfileView.as_view(), name="profile"),
    path("workspaces/<str:workspace_id>/profiles/<str:mpid>/sessions", SessionsView.as_view(), name="sessions"),
]
