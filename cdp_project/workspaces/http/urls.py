"""Addresses of workspaces and of what administers them, below /api/v1/."""

from django.urls import path

from cdp_project.workspaces.http.audit import AuditEntryView, AuditLogView
from cdp_project.workspaces.http.credentials import CredentialsView, CredentialView
from cdp_project.workspaces.http.members import MembersView, MemberView
from cdp_project.workspaces.http.workspaces import WorkspacesView, WorkspaceView

_BASE = "workspaces/<str:workspace_id>"

urlpatterns = [
    path("workspaces", WorkspacesView.as_view(), name="workspaces"),
    path(_BASE, WorkspaceView.as_view(), name="workspace"),
    path(f"{_BASE}/members", MembersView.as_view(), name="members"),
    path(f"{_BASE}/members/<str:member_id>", MemberView.as_view(), name="member"),
    path(f"{_BASE}/credentials", CredentialsView.as_view(), name="credentials"),
    path(f"{_BASE}/credentials/<str:credential_id>", CredentialView.as_view(), name="credential"),
    path(f"{_BASE}/audit-log", AuditLogView.as_view(), name="audit-log"),
    path(f"{_BASE}/audit-log/<str:entry_id>", AuditEntryView.as_view(), name="audit-entry"),
]
