"""The address of the outcomes, below /api/v1/."""

from django.urls import path

from events.outcomes.api import OutcomesView

urlpatterns = [path("workspaces/<str:workspace_id>/outcomes", OutcomesView.as_view(), name="outcomes")]
