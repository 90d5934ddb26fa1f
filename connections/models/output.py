"""Outputs (a configured integration) and connections (an input that sends to an output)."""

from django.db import models

from cdp_project.workspaces.models import Workspace
from events.models import Input


class Output(models.Model):
    """A configured integration. `settings` holds the plain fields, `secrets_encrypted` the confidential ones."""

    workspace = models.ForeignKey(Workspace, models.CASCADE, related_name="+")
    integration = models.CharField(max_length=50)
    name = models.CharField(max_length=100)
    settings = models.JSONField(default=dict, blank=True)
    secrets_encrypted = models.TextField(default="", blank=True, editable=False)
    is_active_in_production = models.BooleanField(default=True)
    is_active_in_development = models.BooleanField(default=True)
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        db_table = "output"
        ordering = ["name", "pk"]

    def __str__(self) -> str:
        return self.name


class Connection(models.Model):
    """An input sends to an output, from the moment it was made."""

    workspace = models.ForeignKey(Workspace, models.CASCADE, related_name="+")
    input = models.ForeignKey(Input, models.CASCADE, related_name="+")
    output = models.ForeignKey(Output, models.CASCADE, related_name="connections")
    is_active = models.BooleanField(default=True)
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        db_table = "connection"
        ordering = ["pk"]
        constraints = [models.UniqueConstraint(fields=["input", "output"], name="connection_once")]

    def __str__(self) -> str:
        return f"{self.input} → {self.output}"
