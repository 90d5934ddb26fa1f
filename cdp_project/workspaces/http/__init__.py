"""The workspace itself over HTTP: workspaces, members, credentials, the audit log."""
