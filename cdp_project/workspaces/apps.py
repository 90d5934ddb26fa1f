"""The workspaces app."""

from django.apps import AppConfig


class WorkspacesConfig(AppConfig):
    name = "cdp_project.workspaces"
    label = "workspaces"

    def ready(self) -> None:
        # Each registers itself by being imported.
        from cdp_project.workspaces import body_schema, checks, schema  # noqa: F401
