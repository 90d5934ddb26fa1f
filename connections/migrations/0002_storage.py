"""How PostgreSQL keeps the outbox: payloads are compressed by us, rows come and go quickly."""

from django.db import migrations

QUEUE = "autovacuum_vacuum_scale_factor=0, autovacuum_vacuum_threshold=5000, autovacuum_vacuum_cost_delay=0"


class Migration(migrations.Migration):
    dependencies = [("connections", "0001_initial")]

    operations = [
        migrations.RunSQL(
            [
                "ALTER TABLE outbox_chunk ALTER COLUMN payload SET STORAGE EXTERNAL",
                f"ALTER TABLE outbox_chunk SET ({QUEUE})",
                f"ALTER TABLE outbox_delivery SET (fillfactor=70, {QUEUE})",
                "ALTER TABLE delivery_lane SET (fillfactor=20)",
                "ALTER TABLE verdict_partial SET (fillfactor=50)",
            ],
            migrations.RunSQL.noop,
        )
    ]
