"""What the API shows of outputs and connections, and what it is told."""

from typing import Any

from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiExample, extend_schema_field, extend_schema_serializer
from rest_framework import serializers

from cdp_project.workspaces.reading import Body
from connections.models import Connection, Output
from connections.shown_settings import plain_settings, stored_secrets

ID: dict[str, Any] = {"min_value": 0, "max_value": 2**63 - 1}
TEXT_CHARACTERS_MOST = 20_000
NUMBER_MOST = 2**53


class StoredSecretSerializer(serializers.Serializer[Any]):
    """Whether a secret is stored. What it is, nobody is told."""

    is_set = serializers.BooleanField(
        allow_null=True, help_text="null: the stored secrets cannot be read with CDP_ENCRYPTION_KEYS."
    )


class OutputSerializer(serializers.Serializer[Output]):
    """A configured integration."""

    id = serializers.IntegerField()
    integration = serializers.CharField()
    name = serializers.CharField()
    is_active_in_production = serializers.BooleanField()
    is_active_in_development = serializers.BooleanField()
    settings = serializers.SerializerMethodField(
        help_text="Those that were set, by the integration's names. Viewers see addresses without queries."
    )
    secrets = serializers.SerializerMethodField(help_text="Each secret that the integration knows.")
    created_at = serializers.DateTimeField()

    @extend_schema_field(OpenApiTypes.OBJECT)
    def get_settings(self, output: Output) -> dict[str, Any]:
        return plain_settings(output, in_full=getattr(output, "is_shown_in_full", False))

    @extend_schema_field(serializers.DictField(child=StoredSecretSerializer()))
    def get_secrets(self, output: Output) -> dict[str, dict[str, bool | None]]:
        return stored_secrets(output)


@extend_schema_field(
    {"type": "object", "additionalProperties": {"oneOf": [{"type": t} for t in ("string", "number", "boolean")]}}
)
class SettingsField(serializers.DictField):
    """Texts, numbers and switches by name, or null; what they may be is the integration's to say."""

    def to_internal_value(self, data: Any) -> dict[str, Any]:
        found: dict[str, Any] = super().to_internal_value(data)
        if wrong := {name: [told] for name, value in found.items() if (told := _unusable(value))}:
            raise serializers.ValidationError(wrong)
        return found


def _unusable(value: object) -> str:
    match value:
        case None | bool():
            return ""
        case int() | float():
            return "" if abs(value) <= NUMBER_MOST else "The number is too large."
        case str():
            is_fine = len(value) <= TEXT_CHARACTERS_MOST and "\0" not in value
            return "" if is_fine else f"A text has at most {TEXT_CHARACTERS_MOST} characters, and no NUL."
        case _:
            return "A setting is a text, a number, true, false or null."


class OutputChangeBody(Body):
    """What becomes different; what is left out stays."""

    name = serializers.CharField(max_length=100)
    is_active_in_production = serializers.BooleanField(required=False)
    is_active_in_development = serializers.BooleanField(required=False)
    settings = SettingsField(
        required=False,
        help_text="By the integration's names. One that is left out stays, null takes its default again.",
    )
    secrets = serializers.DictField(
        child=serializers.CharField(allow_null=True, max_length=TEXT_CHARACTERS_MOST, trim_whitespace=False),
        required=False,
        help_text="By the integration's names. One that is left out stays, null removes it.",
    )


@extend_schema_serializer(
    examples=[
        OpenApiExample(
            "A webhook that gets each event",
            {
                "integration": "webhook",
                "name": "Warehouse loader",
                "settings": {"url": "https://hooks.example.com/in", "send": "event"},
                "secrets": {"authorization": "Bearer 7d1f…"},
                "is_active_in_development": False,
            },
            request_only=True,
        )
    ]
)
class OutputBody(OutputChangeBody):
    """A new output."""

    integration = serializers.CharField(max_length=50, help_text="The key of one of /api/v1/integrations.")


class ConnectionSerializer(serializers.ModelSerializer[Connection]):
    """An input sends to an output, since the connection was made."""

    class Meta:
        model = Connection
        fields = ["id", "input_id", "output_id", "is_active", "created_at"]
        read_only_fields = fields


class ConnectionChangeBody(Body):
    """Whether it carries anything."""

    is_active = serializers.BooleanField(required=False)


class ConnectionBody(ConnectionChangeBody):
    """A new connection."""

    input_id = serializers.IntegerField(**ID)
    output_id = serializers.IntegerField(**ID)
