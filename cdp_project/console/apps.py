"""The console as an app, and as the admin's default site."""

from django.apps import AppConfig
from django.contrib.admin.apps import AdminConfig

from cdp_project.kernel.pageless import is_pageless


class ConsoleConfig(AppConfig):
    name = "cdp_project.console"
    label = "console"

    def ready(self) -> None:
        # Makes our Celery app the one that tasks are sent with.
        import cdp_project.celery  # noqa: F401


class ConsoleAdminConfig(AdminConfig):
    default_site = "cdp_project.console.site.ConsoleSite"

    def ready(self) -> None:
        if not is_pageless():
            super().ready()
