"""Tokens that carry less than their credential's role gives."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("workspaces", "0001_initial")]

    operations = [
        migrations.AddField(
            model_name="accesstoken",
            name="scope",
            field=models.TextField(blank=True, db_default="", default=""),
        )
    ]
