"""How PostgreSQL keeps the busy tables: bodies are compressed by us, queues are vacuumed by count."""

from django.db import migrations

QUEUE = "autovacuum_vacuum_scale_factor=0, autovacuum_vacuum_threshold=5000, autovacuum_vacuum_cost_delay=0"


class Migration(migrations.Migration):
    dependencies = [("events", "0001_initial")]

    operations = [
        migrations.RunSQL(
            [
                "ALTER TABLE inbox ALTER COLUMN body SET STORAGE EXTERNAL",
                f"ALTER TABLE inbox SET ({QUEUE})",
                "ALTER TABLE quarantine ALTER COLUMN body SET STORAGE EXTERNAL",
                "ALTER TABLE lane SET (fillfactor=20)",
                "ALTER TABLE rollup_partial SET (fillfactor=50)",
            ],
            migrations.RunSQL.noop,
        )
    ]
