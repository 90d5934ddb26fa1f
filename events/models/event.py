"""Stored events and the batches that they came in, by day of acceptance."""

from django.db import models

from cdp_project.workspaces.environment import ENVIRONMENT_CHOICES


class StoredBatch(models.Model):
    """What a batch said besides its events: the log of identities, attributes and consent written.

    Partitioned by `day`. `origin_mpid` is the owner without any merge, so that a merge can be undone.
    """

    pk = models.CompositePrimaryKey("bucket", "day", "batch_id")
    bucket = models.SmallIntegerField()
    day = models.DateField()
    batch_id = models.UUIDField()
    mpid = models.BigIntegerField()
    origin_mpid = models.BigIntegerField()
    workspace_id = models.BigIntegerField()
    environment = models.SmallIntegerField(choices=ENVIRONMENT_CHOICES)
    input_id = models.BigIntegerField()
    accept_seq = models.BigIntegerField()
    received_at = models.DateTimeField()
    is_historical = models.BooleanField()
    event_count = models.IntegerField()
    envelope = models.JSONField()
    violations = models.JSONField(null=True)

    class Meta:
        db_table = "batch"

    def __str__(self) -> str:
        return f"batch {self.batch_id}"


class StoredEvent(models.Model):
    """One event of one person.

    Partitioned by `day`, the UTC day of acceptance; `occurred_at` is the event's own time. Of the connections
    that existed when it was forwarded, `forwarded` lists those that it went out on, and `withheld` packs why the
    others did not get it: {connection id: reason}. `lane` is the bucket of the lane that it came by, which is
    where its deliveries are.
    """

    pk = models.CompositePrimaryKey("bucket", "day", "event_id")
    bucket = models.SmallIntegerField()
    day = models.DateField()
    event_id = models.UUIDField()
    mpid = models.BigIntegerField()
    origin_mpid = models.BigIntegerField()
    workspace_id = models.BigIntegerField()
    environment = models.SmallIntegerField(choices=ENVIRONMENT_CHOICES)
    input_id = models.BigIntegerField()
    batch_id = models.UUIDField()
    accept_seq = models.BigIntegerField()
    occurred_at = models.DateTimeField()
    received_at = models.DateTimeField()
    event_type = models.TextField()
    name = models.TextField()
    session_id = models.BigIntegerField(null=True)
    data = models.JSONField()
    withheld = models.JSONField(null=True)
    lane = models.SmallIntegerField(null=True)
    forwarded = models.JSONField(null=True)

    class Meta:
        db_table = "event"
        indexes = [
            models.Index(fields=["bucket", "mpid", "occurred_at", "event_id"], name="event_by_person"),
            # The list over everybody, newest first: an id begins with the time of acceptance.
            models.Index(fields=["workspace_id", "environment", "event_id"], name="event_newest"),
        ]

    def __str__(self) -> str:
        return f"{self.event_type} {self.name}"


class Quarantined(models.Model):
    """An accepted batch that could not be processed, whole, with the reason."""

    pk = models.CompositePrimaryKey("bucket", "batch_id")
    bucket = models.SmallIntegerField()
    batch_id = models.UUIDField()
    workspace_id = models.BigIntegerField()
    input_id = models.BigIntegerField()
    environment = models.SmallIntegerField(choices=ENVIRONMENT_CHOICES)
    protocol = models.TextField()
    is_historical = models.BooleanField()
    accept_seq = models.BigIntegerField()
    received_at = models.DateTimeField()
    event_count = models.IntegerField()
    encoding = models.SmallIntegerField()
    body = models.BinaryField()
    reason = models.TextField()
    detail = models.TextField()
    quarantined_at = models.DateTimeField()

    class Meta:
        db_table = "quarantine"
        indexes = [
            # The list of a workspace, newest first.
            models.Index(fields=["workspace_id", "environment", "quarantined_at", "batch_id"], name="quarantine_newest")
        ]

    def __str__(self) -> str:
        return f"batch {self.batch_id}: {self.reason}"
