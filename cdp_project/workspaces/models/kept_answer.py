"""What was answered to a call with an Idempotency-Key, so that its repeat is answered the same."""

from django.db import models

from cdp_project.workspaces.models.credential import ApiCredential


class KeptAnswer(models.Model):
    """One call of a credential under one key. The answer is encrypted: it may carry a secret that is shown once."""

    credential = models.ForeignKey(ApiCredential, models.CASCADE, related_name="+")
    key = models.CharField(max_length=255)
    fingerprint = models.BinaryField()
    status = models.SmallIntegerField(default=0)
    headers = models.JSONField(default=dict)
    answer_encrypted = models.TextField(default="")
    created_at = models.DateTimeField(db_index=True)

    class Meta:
        db_table = "kept_answer"
        constraints = [models.UniqueConstraint(fields=["credential", "key"], name="kept_answer_once")]

    def __str__(self) -> str:
        return f"{self.credential}: {self.key}"
