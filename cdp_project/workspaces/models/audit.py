"""Who changed which configuration, with what it was before and what it is now."""

from django.conf import settings
from django.db import models

from cdp_project.workspaces.models.workspace import Workspace


class AuditEntry(models.Model):
    """One change. `before` is null when the thing was made, `after` when it was deleted; secrets are masked."""

    workspace = models.ForeignKey(Workspace, models.CASCADE, related_name="audit_entries")
    at = models.DateTimeField(db_index=True)
    actor = models.ForeignKey(settings.AUTH_USER_MODEL, models.SET_NULL, null=True, related_name="+")
    actor_name = models.CharField(max_length=200)
    action = models.CharField(max_length=20)
    kind = models.CharField(max_length=50)
    object_id = models.CharField(max_length=64)
    object_name = models.CharField(max_length=200)
    before = models.JSONField(null=True)
    after = models.JSONField(null=True)

    class Meta:
        db_table = "audit_entry"
        verbose_name_plural = "audit log"
        ordering = ["-at", "-pk"]

    def __str__(self) -> str:
        return f"{self.actor_name} {self.action} {self.kind} {self.object_name}"
