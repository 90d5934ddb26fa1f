"""Counts by hour, in two levels: a row for each lane, so that processes never queue for one row; then one an hour."""

from django.db import models

from cdp_project.workspaces.environment import ENVIRONMENT_CHOICES


class Counted(models.Model):
    """How often something was counted in one hour of reception.

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
        abstract = True

    def __str__(self) -> str:
        return f"{self.metric} {self.label} {self.hour}"


class RollupPartial(Counted):
    """As one lane saw it; `bucket` is the lane's."""

    class Meta:
        db_table = "rollup_partial"


class RollupHour(Counted):
    """The same over all lanes, once compacted. `bucket` is the workspace's: one place has all of its hours.

    What is counted is this and what is left in the partial rows.
    """

    class Meta:
        db_table = "rollup_hour"
        indexes = [
            models.Index(fields=["bucket", "workspace_id", "environment", "metric", "hour"], name="rollup_hour_metric")
        ]


class ActivePartial(models.Model):
    """People met by one chunk, as a bitmap of their `person_no`, until it is merged into their day.

    `day` is the UTC day of acceptance.
    """

    pk = models.CompositePrimaryKey("bucket", "part_id")
    bucket = models.SmallIntegerField()
    part_id = models.UUIDField()
    workspace_id = models.BigIntegerField()
    environment = models.SmallIntegerField(choices=ENVIRONMENT_CHOICES)
    input_id = models.BigIntegerField()
    day = models.DateField()
    people = models.BinaryField()

    class Meta:
        db_table = "active_partial"

    def __str__(self) -> str:
        return f"people of input {self.input_id} on {self.day}"


class ActiveDay(models.Model):
    """Who was active on a day by an input, as a bitmap of `person_no`. `bucket` is the workspace's."""

    pk = models.CompositePrimaryKey("bucket", "workspace_id", "environment", "day", "input_id")
    bucket = models.SmallIntegerField()
    workspace_id = models.BigIntegerField()
    environment = models.SmallIntegerField(choices=ENVIRONMENT_CHOICES)
    day = models.DateField()
    input_id = models.BigIntegerField()
    people = models.BinaryField()

    class Meta:
        db_table = "active_day"

    def __str__(self) -> str:
        return f"people of input {self.input_id} on {self.day}"
