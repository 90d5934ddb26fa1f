"""What waits is found among much that is parked, attempts by their event, and lists of one state without the others."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("connections", "0003_ranges_and_alerts")]

    operations = [
        migrations.AddIndex(
            "deliveryattempt",
            models.Index(fields=["bucket", "event_id"], name="delivery_attempt_event"),
        ),
        migrations.AddIndex(
            "deliveryexception",
            models.Index(
                condition=models.Q(("state__in", [1, 2])),
                fields=["bucket", "output_id", "mpid"],
                name="delivery_exception_waiting",
            ),
        ),
        migrations.AddIndex(
            "deliveryexception",
            models.Index(fields=["bucket", "output_id", "state", "last_at"], name="delivery_exception_state"),
        ),
    ]
