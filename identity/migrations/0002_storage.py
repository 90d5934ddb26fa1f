"""Profiles are updated in place all day: leave room on their pages."""

from django.db import migrations


class Migration(migrations.Migration):
    dependencies = [("identity", "0001_initial")]

    operations = [migrations.RunSQL("ALTER TABLE profile SET (fillfactor=70)", migrations.RunSQL.noop)]
