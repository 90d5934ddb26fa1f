"""The kernel as a Django app, so that its commands and checks are found."""

from django.apps import AppConfig


class KernelConfig(AppConfig):
    name = "cdp_project.kernel"
    label = "kernel"
