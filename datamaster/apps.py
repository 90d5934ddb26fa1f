"""The datamaster app."""

from django.apps import AppConfig


class DatamasterConfig(AppConfig):
    name = "datamaster"
