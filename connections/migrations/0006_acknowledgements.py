"""Alerts that somebody takes care of."""

from django.db import migrations, models

class Migration(migrations.Migration):
    dependencies = [("connections", "0005_gone_connections"), ("workspaces", "0001_initial")]

    operations = [
        migrations.CreateModel(
            "AlertAcknowledgement",
            [
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("output_id", models.BigIntegerField()),
                ("connection_id", models.BigIntegerField()),
                ("environment", models.SmallIntegerField(choices=[(1, "Production"), (2, "Development")])),
                ("hour", models.DateTimeField()),
                ("level", models.SmallIntegerField(choices=[(1, "Informational"), (2, "Warning"), (3, "Fatal")])),
                ("code", models.TextField()),
                ("acknowledged_by", models.CharField(max_length=200)),
                ("acknowledged_at", models.DateTimeField()),
                ("workspace", models.ForeignKey("workspaces.workspace", models.CASCADE, related_name="+")),
            ],
            options={
                "db_table": "alert_acknowledgement",
                "constraints": [
                    models.UniqueConstraint(
                        fields=["connection_id", "environment", "hour", "level", "output_id", "code"],
                        name="alert_acknowledgement_once",
                    )
                ],
            },
        ),
    ]
