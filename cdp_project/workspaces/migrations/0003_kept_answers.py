"""Answers to calls with an Idempotency-Key, and credentials of the installation, which have no workspace."""

import django.db.models.deletion
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("workspaces", "0002_token_scope")]

    operations = [
        migrations.AlterField(
            model_name="apicredential",
            name="workspace",
            field=models.ForeignKey(
                null=True,
                on_delete=django.db.models.deletion.CASCADE,
                related_name="api_credentials",
                to="workspaces.workspace",
            ),
        ),
        migrations.CreateModel(
            name="KeptAnswer",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("key", models.CharField(max_length=255)),
                ("fingerprint", models.BinaryField()),
                ("status", models.SmallIntegerField(default=0)),
                ("headers", models.JSONField(default=dict)),
                ("answer_encrypted", models.TextField(default="")),
                ("created_at", models.DateTimeField(db_index=True)),
                (
                    "credential",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="+",
                        to="workspaces.apicredential",
                    ),
                ),
            ],
            options={
                "db_table": "kept_answer",
                "constraints": [models.UniqueConstraint(fields=["credential", "key"], name="kept_answer_once")],
            },
        ),
    ]
