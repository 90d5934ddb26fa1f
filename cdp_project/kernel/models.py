"""What the installation remembers of itself."""

from django.db import models


class ChoreRun(models.Model):
    """One run of a chore. `ended_at` is null while it is under way, and for ever when its process was killed.

    `rows` is what it moved or deleted, where it counts that; `error` is empty unless the outcome is failed.
    """

    id = models.UUIDField(primary_key=True)
    name = models.TextField()
    started_at = models.DateTimeField()
    ended_at = models.DateTimeField(null=True)
    outcome = models.TextField()
    rows = models.BigIntegerField(null=True)
    error = models.TextField()

    class Meta:
        db_table = "chore_run"
        indexes = [models.Index(fields=["name", "started_at"], name="chore_run_latest")]

    def __str__(self) -> str:
        return f"{self.name} {self.started_at}: {self.outcome}"
