"""What waits for delivery: payload chunks once, one row per chunk and output, exceptions per item.

An item is one event of a chunk; its position counts from 0. Of a delivery's `positions` those in `done` are
through: delivered unless a `DeliveryException` says otherwise. The rest waits. Buckets are the lane's.
"""

from django.db import models

from cdp_project.kernel.multirange import IntegerMultirangeField
from cdp_project.workspaces.environment import ENVIRONMENT_CHOICES


class OutboxChunk(models.Model):
    """The payload of some batches of one lane and input, stored once for all outputs (zstd JSON).

    `last_seq` is the highest acceptance sequence in it; its deliveries' `chunk_seq` is the lowest.
    """

    pk = models.CompositePrimaryKey("bucket", "chunk_id")
    bucket = models.SmallIntegerField()
    chunk_id = models.UUIDField()
    workspace_id = models.BigIntegerField()
    environment = models.SmallIntegerField(choices=ENVIRONMENT_CHOICES)
    input_id = models.BigIntegerField()
    created_at = models.DateTimeField()
    item_count = models.IntegerField()
    last_seq = models.BigIntegerField()
    payload = models.BinaryField()

    class Meta:
        db_table = "outbox_chunk"

    def __str__(self) -> str:
        return f"chunk {self.chunk_id}"


class OutboxDelivery(models.Model):
    """A chunk on its way to one output. Claimed in order of `chunk_seq` within bucket and output.

    `positions` are the items meant for this output. An open one has some that were not taken up yet; one that is
    being gathered waits to be put together with later ones of the same people, and is not open until then.
    """

    pk = models.CompositePrimaryKey("bucket", "output_id", "chunk_id")
    bucket = models.SmallIntegerField()
    output_id = models.BigIntegerField()
    chunk_id = models.UUIDField()
    chunk_seq = models.BigIntegerField()
    connection_id = models.BigIntegerField()
    workspace_id = models.BigIntegerField()
    environment = models.SmallIntegerField(choices=ENVIRONMENT_CHOICES)
    config_version = models.BigIntegerField()
    positions = IntegerMultirangeField()
    done = IntegerMultirangeField()
    item_count = models.IntegerField()
    is_open = models.BooleanField()
    is_gathering = models.BooleanField()
    created_at = models.DateTimeField()

    class Meta:
        db_table = "outbox_delivery"
        indexes = [
            models.Index(
                fields=["bucket", "output_id", "chunk_seq"],
                name="outbox_delivery_open",
                condition=models.Q(is_open=True),
            ),
            models.Index(
                fields=["bucket", "output_id", "chunk_seq"],
                name="outbox_delivery_gathering",
                condition=models.Q(is_gathering=True),
            ),
            models.Index(fields=["bucket", "chunk_id"], name="outbox_delivery_chunk"),
        ]

    def __str__(self) -> str:
        return f"chunk {self.chunk_id} to output {self.output_id}"


class DeliveryLane(models.Model):
    """The lock row of one output in one lane: one process delivers it at a time, under a lease."""

    pk = models.CompositePrimaryKey("bucket", "output_id")
    bucket = models.SmallIntegerField()
    output_id = models.BigIntegerField()
    lease_holder = models.UUIDField(null=True)
    leased_until = models.DateTimeField(null=True)

    class Meta:
        db_table = "delivery_lane"

    def __str__(self) -> str:
        return f"output {self.output_id} in lane {self.bucket}"


class ItemState(models.IntegerChoices):
    """Why an item is not delivered although its position was passed."""

    RETRYING = 1, "Retrying"
    HELD = 2, "Held behind an earlier event of the same person"
    PARKED = 3, "Parked"
    FAILED = 4, "Failed"
    WITHHELD = 5, "Withheld after it was forwarded"


class DeliveryException(models.Model):
    """One item that did not simply go out. `reason` is the code of its last fault, `last_at` the time of that.

    `event_id` is null for a batch without events.
    """

    pk = models.CompositePrimaryKey("bucket", "output_id", "chunk_id", "position")
    bucket = models.SmallIntegerField()
    output_id = models.BigIntegerField()
    chunk_id = models.UUIDField()
    position = models.IntegerField()
    connection_id = models.BigIntegerField()
    environment = models.SmallIntegerField(choices=ENVIRONMENT_CHOICES)
    mpid = models.BigIntegerField()
    event_id = models.UUIDField(null=True)
    state = models.SmallIntegerField(choices=ItemState.choices)
    reason = models.TextField()
    attempts = models.IntegerField()
    first_failed_at = models.DateTimeField()
    last_at = models.DateTimeField()
    next_at = models.DateTimeField(null=True)

    class Meta:
        db_table = "delivery_exception"
        indexes = [
            models.Index(fields=["bucket", "output_id", "next_at"], name="delivery_exception_due"),
            models.Index(fields=["bucket", "output_id", "mpid"], name="delivery_exception_person"),
            # Few, where many may be parked.
            models.Index(
                fields=["bucket", "output_id", "mpid"],
                name="delivery_exception_waiting",
                condition=models.Q(state__in=[ItemState.RETRYING, ItemState.HELD]),
            ),
            # The list of what was not delivered, latest first, and of one state.
            models.Index(fields=["bucket", "output_id", "last_at"], name="delivery_exception_latest"),
            models.Index(fields=["bucket", "output_id", "state", "last_at"], name="delivery_exception_state"),
        ]

    def __str__(self) -> str:
        return f"item {self.position} of {self.chunk_id}"


class DeliveryAttempt(models.Model):
    """A request that did not succeed at once, with a redacted sample of the answer. Partitioned by `day`."""

    pk = models.CompositePrimaryKey("bucket", "day", "attempt_id")
    bucket = models.SmallIntegerField()
    day = models.DateField()
    attempt_id = models.UUIDField()
    output_id = models.BigIntegerField()
    connection_id = models.BigIntegerField()
    chunk_id = models.UUIDField()
    position = models.IntegerField()
    event_id = models.UUIDField(null=True)
    at = models.DateTimeField()
    status = models.IntegerField(null=True)
    error = models.TextField()
    latency_ms = models.IntegerField()
    answer_sample = models.TextField()

    class Meta:
        db_table = "delivery_attempt"
        indexes = [
            models.Index(fields=["bucket", "output_id", "at"], name="delivery_attempt_latest"),
            models.Index(fields=["bucket", "event_id"], name="delivery_attempt_event"),
        ]

    def __str__(self) -> str:
        return f"attempt {self.attempt_id}"


class Verdict(models.Model):
    """How many events of a connection came to which end, by hour (connections.verdicts)."""

    pk = models.CompositePrimaryKey("bucket", "connection_id", "environment", "hour", "state", "reason")
    bucket = models.SmallIntegerField()
    connection_id = models.BigIntegerField()
    environment = models.SmallIntegerField(choices=ENVIRONMENT_CHOICES)
    hour = models.DateTimeField()
    state = models.TextField()
    reason = models.TextField()
    count = models.BigIntegerField()

    class Meta:
        abstract = True

    def __str__(self) -> str:
        return f"{self.state} {self.reason}: {self.count}"


class VerdictPartial(Verdict):
    """As one lane saw it; `bucket` is the lane's."""

    class Meta:
        db_table = "verdict_partial"


class VerdictHour(Verdict):
    """The same over all lanes, once compacted. `bucket` is the connection's."""

    class Meta:
        db_table = "verdict_hour"
