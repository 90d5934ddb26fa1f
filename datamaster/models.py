"""The catalogue: which names were seen in a workspace."""

from django.db import models

from cdp_project.workspaces.models import Workspace


class CatalogueSize(models.Model):
    """How many distinct event and screen names a workspace has; the row is locked to admit new ones."""

    workspace = models.OneToOneField(Workspace, models.CASCADE, primary_key=True, related_name="+")
    names_count = models.PositiveIntegerField(default=0)

    class Meta:
        db_table = "catalogue_size"

    def __str__(self) -> str:
        return f"{self.names_count} names in {self.workspace}"


class CatalogueName(models.Model):
    """One event or screen name, counted against the workspace's limit (reference: limits, 1,000 names)."""

    workspace = models.ForeignKey(Workspace, models.CASCADE, related_name="+")
    event_type = models.TextField()
    name = models.TextField()
    first_seen_at = models.DateTimeField()

    class Meta:
        db_table = "catalogue_name"
        constraints = [models.UniqueConstraint(fields=["workspace", "event_type", "name"], name="catalogue_name_once")]

    def __str__(self) -> str:
        return f"{self.event_type} {self.name}"
