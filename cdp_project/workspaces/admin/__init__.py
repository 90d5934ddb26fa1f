"""Admin pages of workspaces: members, credentials, the audit log; and those of the whole installation."""

from cdp_project.workspaces.admin import audit, credentials, installation, members

__all__ = ["audit", "credentials", "installation", "members"]
