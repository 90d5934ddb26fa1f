"""Runs of chores."""

from django.db import migrations, models


class Migration(migrations.Migration):
    initial = True
    dependencies = []

    operations = [
        migrations.CreateModel(
            "ChoreRun",
            [
                ("id", models.UUIDField(primary_key=True, serialize=False)),
                ("name", models.TextField()),
                ("started_at", models.DateTimeField()),
                ("ended_at", models.DateTimeField(null=True)),
                ("outcome", models.TextField()),
                ("rows", models.BigIntegerField(null=True)),
                ("error", models.TextField()),
            ],
            options={
                "db_table": "chore_run",
                "indexes": [models.Index(fields=["name", "started_at"], name="chore_run_latest")],
            },
        ),
    ]
