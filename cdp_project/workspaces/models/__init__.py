"""Configuration tables of the workspace itself."""

from cdp_project.workspaces.models.audit import AuditEntry
from cdp_project.workspaces.models.credential import AccessToken, ApiCredential
from cdp_project.workspaces.models.kept_answer import KeptAnswer
from cdp_project.workspaces.models.workspace import Membership, Role, Workspace

__all__ = ["AccessToken", "ApiCredential", "AuditEntry", "KeptAnswer", "Membership", "Role", "Workspace"]
