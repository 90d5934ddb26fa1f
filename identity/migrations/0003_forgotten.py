"""Profiles remember which attributes were deleted lately, and since when each identity is the person's."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("identity", "0002_storage")]

    operations = [
        migrations.AddField("profile", "forgotten", models.JSONField(default=dict), preserve_default=False),
        migrations.AddField("profile", "identity_times", models.JSONField(default=dict), preserve_default=False),
    ]
