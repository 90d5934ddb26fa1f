"""What is known of a person, per scope, workspace and environment."""

from django.db import models

from cdp_project.workspaces.environment import ENVIRONMENT_CHOICES


class Profile(models.Model):
    """One person's profile. `bucket` is the low 12 bits of `mpid`.

    `attributes` maps name to value (null is a tag, a list is a list attribute); `identities` maps identity
    type to value, `identity_times` type to the Unix milliseconds at which the person got that value; `devices`
    maps device application stamp to what is known of the device; `consent` is the consent state as sent.
    `forgotten` maps attributes that were deleted lately to the sequence that deleted them, so that a batch which
    comes late does not bring them back. `last_seq` is the acceptance sequence applied last: a lower one that comes
    later never overwrites what a higher one wrote, and is counted in `late_count`. `person_no` is dense within
    workspace and environment, for bitmaps. `origin` is 1 for a person made by resolution, 2 for an MPID that a
    client named.
    """

    pk = models.CompositePrimaryKey("bucket", "scope_id", "workspace_id", "environment", "mpid")
    bucket = models.SmallIntegerField()
    scope_id = models.BigIntegerField()
    workspace_id = models.BigIntegerField()
    environment = models.SmallIntegerField(choices=ENVIRONMENT_CHOICES)
    mpid = models.BigIntegerField()
    person_no = models.IntegerField()
    origin = models.SmallIntegerField()
    is_known = models.BooleanField()
    attributes = models.JSONField()
    identities = models.JSONField()
    identity_times = models.JSONField()
    devices = models.JSONField()
    consent = models.JSONField()
    forgotten = models.JSONField()
    first_seen_at = models.DateTimeField()
    last_seen_at = models.DateTimeField()
    last_seq = models.BigIntegerField()
    late_count = models.IntegerField()

    class Meta:
        db_table = "profile"

    def __str__(self) -> str:
        return f"profile {self.mpid}"


class PersonCounter(models.Model):
    """The next free `person_no` of a workspace and environment; processes take blocks of numbers."""

    pk = models.CompositePrimaryKey("workspace_id", "environment")
    workspace_id = models.BigIntegerField()
    environment = models.SmallIntegerField(choices=ENVIRONMENT_CHOICES)
    next_no = models.IntegerField()

    class Meta:
        db_table = "person_counter"

    def __str__(self) -> str:
        return f"next person number {self.next_no}"
