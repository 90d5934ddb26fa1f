"""Counts by hour, first level: a row for each lane, so that processes never queue for one row."""

from django.db import models

from cdp_project.workspaces.environment import ENVIRONMENT_CHOICES


class RollupPartial(models.Model):
    """How often something was counted in one hour of reception, as one lane saw it.

    `metric` says what is counted (see events.metrics), `label` splits it (an event's name, a reason).
    """

    pk = models.CompositePrimaryKey("bucket", "workspace_id", "environment", "input_id", "hour", "metric", "label")
    bucket = models.SmallIntegerField()
    workspace_id = models.BigIntegerField()
    environment = models.SmallIntegerField(choices=ENVIRONMENT_CHOICES)
    input_id = models.BigIntegerField()
    hour = models.DateTimeField()
    metric = models.TextField()
    label = models.TextField()
    count = models.BigIntegerField()

    class Meta:
        db_table = "rollup_partial"

    def __str__(self) -> str:
        return f"{self.metric} {self.label} {self.hour}"
