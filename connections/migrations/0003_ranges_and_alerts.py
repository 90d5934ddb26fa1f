"""What is delivered is kept as ranges, every exception names its event, and faults are counted as alerts."""

from datetime import UTC, datetime

from django.db import migrations, models

from cdp_project.kernel.multirange import IntegerMultirangeField
from cdp_project.workspaces.environment import ENVIRONMENT_CHOICES

LEVELS = [(1, "Informational"), (2, "Warning"), (3, "Fatal")]
ITEM_STATES = [
    (1, "Retrying"),
    (2, "Held behind an earlier event of the same person"),
    (3, "Parked"),
    (4, "Failed"),
    (5, "Withheld after it was forwarded"),
]
RANGES_FROM_PREFIX = """
UPDATE outbox_delivery d SET
    done = CASE WHEN done_until > 0 THEN int4multirange(int4range(0, done_until)) ELSE '{}' END,
    new_positions = CASE
        WHEN positions IS NULL THEN (SELECT int4multirange(int4range(0, greatest(c.item_count, 1))) FROM outbox_chunk c
                                     WHERE c.bucket = d.bucket AND c.chunk_id = d.chunk_id)
        ELSE (SELECT range_agg(int4range((r->>0)::int, (r->>1)::int + 1)) FROM jsonb_array_elements(positions) r) END
"""
ONLY_WHAT_IS_MEANT = "UPDATE outbox_delivery SET done = done * new_positions"
CONNECTION_OF_EXCEPTIONS = """
UPDATE delivery_exception e SET connection_id = d.connection_id, environment = d.environment, last_at = first_failed_at
FROM outbox_delivery d WHERE d.bucket = e.bucket AND d.output_id = e.output_id AND d.chunk_id = e.chunk_id
"""


def counted_by_hour(name: str, table: str) -> migrations.CreateModel:
    return migrations.CreateModel(
        name,
        [
            (
                "pk",
                models.CompositePrimaryKey(
                    "bucket",
                    "output_id",
                    "connection_id",
                    "environment",
                    "hour",
                    "level",
                    "code",
                    blank=True,
                    editable=False,
                    primary_key=True,
                    serialize=False,
                ),
            ),
            ("bucket", models.SmallIntegerField()),
            ("output_id", models.BigIntegerField()),
            ("connection_id", models.BigIntegerField()),
            ("environment", models.SmallIntegerField(choices=ENVIRONMENT_CHOICES)),
            ("hour", models.DateTimeField()),
            ("level", models.SmallIntegerField(choices=LEVELS)),
            ("code", models.TextField()),
            ("count", models.BigIntegerField()),
        ],
        {"db_table": table},
    )


class Migration(migrations.Migration):
    dependencies = [("connections", "0002_storage")]

    operations = [
        counted_by_hour("AlertHour", "alert_hour"),
        counted_by_hour("AlertPartial", "alert_partial"),
        migrations.CreateModel(
            "VerdictHour",
            [
                (
                    "pk",
                    models.CompositePrimaryKey(
                        "bucket",
                        "connection_id",
                        "environment",
                        "hour",
                        "state",
                        "reason",
                        blank=True,
                        editable=False,
                        primary_key=True,
                        serialize=False,
                    ),
                ),
                ("bucket", models.SmallIntegerField()),
                ("connection_id", models.BigIntegerField()),
                ("environment", models.SmallIntegerField(choices=ENVIRONMENT_CHOICES)),
                ("hour", models.DateTimeField()),
                ("state", models.TextField()),
                ("reason", models.TextField()),
                ("count", models.BigIntegerField()),
            ],
            {"db_table": "verdict_hour"},
        ),
        # What was forwarded before this has no upper end: every look for an event opens it.
        migrations.AddField("outboxchunk", "last_seq", models.BigIntegerField(default=2**63 - 1), False),
        migrations.AddField("outboxdelivery", "done", IntegerMultirangeField(default="{}"), False),
        migrations.AddField("outboxdelivery", "new_positions", IntegerMultirangeField(default="{}"), False),
        migrations.AddField("outboxdelivery", "is_gathering", models.BooleanField(default=False), False),
        migrations.RunSQL([RANGES_FROM_PREFIX, ONLY_WHAT_IS_MEANT], migrations.RunSQL.noop),
        migrations.RemoveField("outboxdelivery", "done_until"),
        migrations.RemoveField("outboxdelivery", "positions"),
        migrations.RenameField("outboxdelivery", "new_positions", "positions"),
        migrations.AddField("deliveryexception", "connection_id", models.BigIntegerField(default=0), False),
        migrations.AddField(
            "deliveryexception", "environment", models.SmallIntegerField(choices=ENVIRONMENT_CHOICES, default=1), False
        ),
        migrations.AddField("deliveryexception", "event_id", models.UUIDField(null=True)),
        migrations.AddField(
            "deliveryexception", "last_at", models.DateTimeField(default=datetime(2026, 1, 1, tzinfo=UTC)), False
        ),
        migrations.AlterField("deliveryexception", "state", models.SmallIntegerField(choices=ITEM_STATES)),
        migrations.RunSQL([CONNECTION_OF_EXCEPTIONS], migrations.RunSQL.noop),
        migrations.AddField("deliveryattempt", "event_id", models.UUIDField(null=True)),
        migrations.AddIndex(
            "deliveryattempt",
            models.Index(fields=["bucket", "output_id", "at"], name="delivery_attempt_latest"),
        ),
        migrations.AddIndex(
            "deliveryexception",
            models.Index(fields=["bucket", "output_id", "last_at"], name="delivery_exception_latest"),
        ),
        migrations.AddIndex(
            "outboxdelivery",
            models.Index(
                condition=models.Q(("is_gathering", True)),
                fields=["bucket", "output_id", "chunk_seq"],
                name="outbox_delivery_gathering",
            ),
        ),
        migrations.RunSQL(
            [
                "ALTER TABLE alert_partial SET (fillfactor=50)",
                "ALTER TABLE alert_hour SET (fillfactor=70)",
                "ALTER TABLE verdict_hour SET (fillfactor=70)",
            ],
            migrations.RunSQL.noop,
        ),
    ]
