"""Connections that were deleted: what they carried stays counted, and has to have a place where it shows."""

from django.db import models

from cdp_project.workspaces.models import Workspace


class GoneConnection(models.Model):
    """A connection that was deleted, alone or with its input or output. `id` is the number that it had."""

    id = models.BigIntegerField(primary_key=True)
    workspace = models.ForeignKey(Workspace, models.CASCADE, related_name="+")
    input_id = models.BigIntegerField()
    output_id = models.BigIntegerField()
    input_name = models.CharField(max_length=100)
    output_name = models.CharField(max_length=100)
    deleted_at = models.DateTimeField()

    class Meta:
        db_table = "connection_gone"
        ordering = ["pk"]

    def __str__(self) -> str:
        return f"{self.input_name} → {self.output_name}"
