"""What was accepted and waits, and what was seen before."""

from django.db import models

from cdp_project.workspaces.environment import ENVIRONMENT_CHOICES


class Lane(models.Model):
    """A queue of its own: people are spread over lanes, each lane is worked by one process at a time.

    The row is what is locked. `bucket` is the lane's own; its inbox rows carry the same. `low_water` is a
    hint where to begin reading, so that a scan never walks over rows deleted long ago.
    """

    bucket = models.SmallIntegerField(primary_key=True)
    low_water = models.BigIntegerField(default=0)
    lease_holder = models.UUIDField(null=True)
    leased_until = models.DateTimeField(null=True)
    halted_at = models.DateTimeField(null=True)
    halted_reason = models.TextField(default="")

    class Meta:
        db_table = "lane"

    def __str__(self) -> str:
        return f"lane {self.bucket}"


class InboxRow(models.Model):
    """One accepted batch, as it was sent. `accept_seq` orders what arrives under one lane key.

    `encoding` is 0 for the body as sent, 1 for zstd. `protocol` names who can decode it.
    """

    pk = models.CompositePrimaryKey("bucket", "accept_seq")
    bucket = models.SmallIntegerField()
    accept_seq = models.BigIntegerField()
    batch_id = models.UUIDField()
    workspace_id = models.BigIntegerField()
    input_id = models.BigIntegerField()
    environment = models.SmallIntegerField(choices=ENVIRONMENT_CHOICES)
    protocol = models.TextField()
    is_historical = models.BooleanField()
    received_at = models.DateTimeField()
    event_count = models.IntegerField()
    encoding = models.SmallIntegerField()
    body = models.BinaryField()

    class Meta:
        db_table = "inbox"

    def __str__(self) -> str:
        return f"batch {self.batch_id}"


class Seen(models.Model):
    """Keys of what was processed, for exact de-duplication over at least 30 days.

    Partitioned by `generation` (10 days each, four kept). `kind` is 1 for a batch's source_request_id, 2 for
    an event's source_message_id. `body_hash` tells a repeat from a conflict.
    """

    pk = models.CompositePrimaryKey("bucket", "generation", "input_id", "kind", "key")
    bucket = models.SmallIntegerField()
    generation = models.SmallIntegerField()
    input_id = models.BigIntegerField()
    kind = models.SmallIntegerField()
    key = models.BinaryField()
    body_hash = models.BinaryField()

    class Meta:
        db_table = "seen"

    def __str__(self) -> str:
        return f"key of input {self.input_id}"
