"""The workspaces app."""

from django.apps import AppConfig

from cdp_project.kernel.pageless import is_pageless


class WorkspacesConfig(AppConfig):
    name = "cdp_project.workspaces"
    label = "workspaces"

    def ready(self) -> None:
        if is_pageless():
            return
        # Each registers itself by being imported.
        from cdp_project.workspaces import body_schema, checks, schema  # noqa: F401
