"""Who ended a session; and room in its pages, since it is updated with every upload."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("events", "0004_sessions_and_active_people")]

    operations = [
        migrations.AddField("session", "ended_seq", models.BigIntegerField(null=True)),
        migrations.RunSQL(
            [
                "ALTER TABLE session SET (fillfactor=70)",
                "ALTER TABLE rollup_hour SET (fillfactor=70)",
            ],
            migrations.RunSQL.noop,
        ),
    ]
