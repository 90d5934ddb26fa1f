"""The workspaces app."""

from django.apps import AppConfig


class WorkspacesConfig(AppConfig):
    name = "cdp_project.workspaces"
    label = "workspaces"
