"""The row that readiness writes."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("events", "0002_storage")]

    operations = [
        migrations.CreateModel(
            name="StoreProbe",
            fields=[
                ("id", models.SmallIntegerField(primary_key=True, serialize=False)),
                ("written_at", models.DateTimeField()),
            ],
            options={"db_table": "store_probe"},
        ),
    ]
