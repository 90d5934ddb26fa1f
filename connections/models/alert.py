"""Alerts: how many events of a connection met which fault in which hour."""

from django.db import models

from cdp_project.workspaces.environment import ENVIRONMENT_CHOICES
from cdp_project.workspaces.models import Workspace


class AlertLevel(models.IntegerChoices):
    """Fatal: data was given up. Warning: it is still being tried. Informational: the rest."""

    INFORMATIONAL = 1, "Informational"
    WARNING = 2, "Warning"
    FATAL = 3, "Fatal"


class Alerted(models.Model):
    """Events that met a fault in one hour. An event counts once an hour and code.

    `code` is http_503, timeout, retries_exhausted and the like (connections.alert_codes).
    """

    pk = models.CompositePrimaryKey("bucket", "output_id", "connection_id", "environment", "hour", "level", "code")
    bucket = models.SmallIntegerField()
    output_id = models.BigIntegerField()
    connection_id = models.BigIntegerField()
    environment = models.SmallIntegerField(choices=ENVIRONMENT_CHOICES)
    hour = models.DateTimeField()
    level = models.SmallIntegerField(choices=AlertLevel.choices)
    code = models.TextField()
    count = models.BigIntegerField()

    class Meta:
        abstract = True

    def __str__(self) -> str:
        return f"{self.code}: {self.count}"


class AlertPartial(Alerted):
    """As one lane saw it; `bucket` is the lane's."""

    class Meta:
        db_table = "alert_partial"


class AlertHour(Alerted):
    """The same over all lanes, once compacted. `bucket` is the output's."""

    class Meta:
        db_table = "alert_hour"


class AlertAcknowledgement(models.Model):
    """Somebody takes care of an alert, which is known by its key: the first who said so, and when."""

    workspace = models.ForeignKey(Workspace, models.CASCADE, related_name="+")
    output_id = models.BigIntegerField()
    connection_id = models.BigIntegerField()
    environment = models.SmallIntegerField(choices=ENVIRONMENT_CHOICES)
    hour = models.DateTimeField()
    level = models.SmallIntegerField(choices=AlertLevel.choices)
    code = models.TextField()
    acknowledged_by = models.CharField(max_length=200)
    acknowledged_at = models.DateTimeField()

    class Meta:
        db_table = "alert_acknowledgement"
        constraints = [
            models.UniqueConstraint(
                fields=["connection_id", "environment", "hour", "level", "output_id", "code"],
                name="alert_acknowledgement_once",
            )
        ]

    def __str__(self) -> str:
        return f"{self.code}, seen by {self.acknowledged_by}"
