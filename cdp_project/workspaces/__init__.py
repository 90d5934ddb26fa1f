"""Workspaces: who may see and do what, under which credentials, and who changed what."""
