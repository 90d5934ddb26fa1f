"""Sessions: what one person did in one go, by the session id that the client gave."""

from django.db import models

from cdp_project.workspaces.environment import ENVIRONMENT_CHOICES


class Session(models.Model):
    """One session of one person. Times are those of its events; `ended_at` None means: still open.

    It ends with `session_end`, or after 30 minutes without an event (then `ended_at` is that of the last one).
    `ended_seq` is the acceptance sequence of the batch that ended it first; 0 when it was idle. `received_at` is
    the latest acceptance of one of its events, to the minute: an open one is looked at by it.
    """

    pk = models.CompositePrimaryKey("bucket", "workspace_id", "environment", "mpid", "session_id")
    bucket = models.SmallIntegerField()
    workspace_id = models.BigIntegerField()
    environment = models.SmallIntegerField(choices=ENVIRONMENT_CHOICES)
    mpid = models.BigIntegerField()
    session_id = models.BigIntegerField()
    input_id = models.BigIntegerField()
    started_at = models.DateTimeField()
    last_at = models.DateTimeField()
    ended_at = models.DateTimeField(null=True)
    ended_seq = models.BigIntegerField(null=True)
    received_at = models.DateTimeField()
    event_count = models.IntegerField()

    class Meta:
        db_table = "session"
        indexes = [
            models.Index(
                fields=["bucket", "received_at"], name="session_open", condition=models.Q(ended_at__isnull=True)
            ),
            models.Index(fields=["bucket", "mpid", "started_at"], name="session_by_person"),
        ]

    def __str__(self) -> str:
        return f"session {self.session_id} of {self.mpid}"
