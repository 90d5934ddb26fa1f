"""Where readiness proves that the store takes writes."""

from django.db import models


class StoreProbe(models.Model):
    """One row, written again and again by `/readyz`."""

    id = models.SmallIntegerField(primary_key=True)
    written_at = models.DateTimeField()

    class Meta:
        db_table = "store_probe"

    def __str__(self) -> str:
        return f"written {self.written_at}"
