"""What the API shows of inputs and their keys, and what it is told."""

from typing import Any

from rest_framework import serializers

from cdp_project.workspaces.reading import Body
from events.models.input import Input, InputKind, Platform, Protection

LIMIT_MOST = 2**31 - 1
DAY_S = 24 * 3600
OVERLAP_MOST_S = 30 * DAY_S

_FIELDS: dict[str, Any] = {"required": False, "allow_null": True, "min_value": 1, "max_value": LIMIT_MOST}


class InputSerializer(serializers.ModelSerializer[Input]):
    """One source of events."""

    class Meta:
        model = Input
        fields = [
            "id",
            "kind",
            "platform",
            "name",
            "protection",
            "is_active",
            "batches_per_second_most",
            "acceleration_most",
            "created_at",
        ]
        read_only_fields = fields


class InputBody(Body):
    """An input as it is made or changed. Limits are effective within two seconds."""

    kind = serializers.ChoiceField(InputKind.choices)
    platform = serializers.ChoiceField(
        Platform.choices, required=False, allow_null=True, help_text="Of a platform; a feed may act as one."
    )
    name = serializers.CharField(max_length=100)
    protection = serializers.ChoiceField(Protection.choices, required=False)
    is_active = serializers.BooleanField(required=False, help_text="An input that is off refuses what is sent to it.")
    batches_per_second_most = serializers.IntegerField(help_text="null: no limit.", **_FIELDS)
    acceleration_most = serializers.IntegerField(
        help_text="This minute's batches as a multiple of the mean of the last ten; null: no limit.", **_FIELDS
    )


class KeySerializer(serializers.Serializer[Any]):
    """A key of an input. Its secret was shown when it was issued."""

    id = serializers.IntegerField()
    key = serializers.CharField()
    created_at = serializers.DateTimeField()
    expires_at = serializers.DateTimeField(allow_null=True, help_text="From then on the key is refused.")


class NewKeySerializer(KeySerializer):
    """A key that was just issued, with its secret, which is shown this once."""

    shown_once = frozenset({"secret"})
    secret = serializers.CharField(source="issued_secret")


class RotationBody(Body):
    """How long the keys that there are go on working."""

    overlap_s = serializers.IntegerField(min_value=0, max_value=OVERLAP_MOST_S, default=DAY_S, help_text="Seconds.")
