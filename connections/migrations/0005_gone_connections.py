"""Connections that were deleted, whose counts stay."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("connections", "0004_indexes"), ("workspaces", "0001_initial")]

    operations = [
        migrations.CreateModel(
            "GoneConnection",
            [
                ("id", models.BigIntegerField(primary_key=True, serialize=False)),
                ("input_id", models.BigIntegerField()),
                ("output_id", models.BigIntegerField()),
                ("input_name", models.CharField(max_length=100)),
                ("output_name", models.CharField(max_length=100)),
                ("deleted_at", models.DateTimeField()),
                ("workspace", models.ForeignKey("workspaces.workspace", models.CASCADE, related_name="+")),
            ],
            options={"db_table": "connection_gone", "ordering": ["pk"]},
        ),
    ]
