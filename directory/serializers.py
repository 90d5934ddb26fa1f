"""What the API tells of integrations: all that a form for their outputs needs."""

from typing import Any

from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from directory.contracts import Integration, completed


class ChoiceSerializer(serializers.Serializer[Any]):
    """One of the values that a choice may have."""

    value = serializers.CharField()
    label = serializers.CharField()  # type: ignore[assignment] # DRF takes declared fields off the class


@extend_schema_field({})
class AnyValue(serializers.ReadOnlyField):
    """A text, a number, a switch or null."""


class SettingFieldSerializer(serializers.Serializer[Any]):
    """One setting of an output."""

    name = serializers.CharField(help_text="Its name in `settings`, or in `secrets` if it is one.")
    label = serializers.CharField()  # type: ignore[assignment] # DRF takes declared fields off the class
    type = serializers.CharField(source="type.value", help_text="text, lines, url, number, switch or choice.")
    help = serializers.CharField()
    is_secret = serializers.BooleanField(help_text="Stored encrypted, and never shown again.")
    is_required = serializers.BooleanField()
    default = AnyValue()
    choices = serializers.SerializerMethodField()
    group = serializers.CharField(help_text="The heading that it stands under; empty for none.")
    least = serializers.FloatField(allow_null=True, help_text="Of a number; null: no bound.")
    most = serializers.FloatField(allow_null=True)

    @extend_schema_field(ChoiceSerializer(many=True))
    def get_choices(self, declared: Any) -> list[dict[str, str]]:
        return [{"value": value, "label": label} for value, label in declared.choices]


class LimitsSerializer(serializers.Serializer[Any]):
    """What the partner can bear, under default settings."""

    events_per_request = serializers.IntegerField()
    concurrent_requests = serializers.IntegerField()
    requests_per_second = serializers.FloatField(allow_null=True, help_text="null: as many as it takes.")
    event_age_most_s = serializers.IntegerField(allow_null=True, help_text="Older events are withheld; null: none.")


class IntegrationSerializer(serializers.Serializer[Any]):
    """A kind of output: what a partner takes, and which settings an output of it has."""

    key = serializers.CharField()
    name = serializers.CharField()
    summary = serializers.CharField()
    categories = serializers.ListField(child=serializers.CharField())
    kinds = serializers.SerializerMethodField(help_text="What it receives: event, audience.")
    setting_fields = SettingFieldSerializer(many=True, source="fields")
    event_types = serializers.SerializerMethodField(help_text="Event types that it takes; null: all.")
    identity_types = serializers.SerializerMethodField(help_text="Identity types that it may be sent; null: all.")
    limits = serializers.SerializerMethodField()

    def get_kinds(self, integration: Integration) -> list[str]:
        return sorted(kind.value for kind in integration.kinds)

    def get_event_types(self, integration: Integration) -> list[str] | None:
        return None if integration.event_types is None else sorted(integration.event_types)

    def get_identity_types(self, integration: Integration) -> list[str] | None:
        return None if integration.identity_types is None else sorted(each.word for each in integration.identity_types)

    @extend_schema_field(LimitsSerializer)
    def get_limits(self, integration: Integration) -> Any:
        return LimitsSerializer(integration.limits(completed(integration.fields, {}))).data


class IntegrationPageSerializer(serializers.Serializer[Any]):
    """A page of integrations; `next` is the cursor of the page after it."""

    results = IntegrationSerializer(many=True)
    next = serializers.CharField(allow_null=True)
