"""What the API shows of the quarantine, and what it is told to do with it."""

from typing import Any

from rest_framework import serializers

from cdp_project.workspaces.reading import Body
from events.quarantine.moving import BATCHES_MOST
from events.reasons import QUARANTINE_REASONS


class QuarantinedBatchSerializer(serializers.Serializer[Any]):
    """A batch that could not be processed."""

    batch_id = serializers.UUIDField()
    input_id = serializers.IntegerField()
    protocol = serializers.CharField()
    is_historical = serializers.BooleanField()
    received_at = serializers.DateTimeField()
    quarantined_at = serializers.DateTimeField(
        help_text="When it came into quarantine; of a batch that was tried again, the last time."
    )
    event_count = serializers.IntegerField()
    size_bytes = serializers.IntegerField(help_text="Of what was sent, inflated.")
    reason = serializers.ChoiceField(QUARANTINE_REASONS)
    sentence = serializers.CharField()
    detail = serializers.CharField()


class QuarantinedBodySerializer(QuarantinedBatchSerializer):
    """The same with what was sent."""

    body = serializers.CharField(
        source="text",
        allow_null=True,
        help_text="What was sent, as text, cut after 100,000 characters. It names people: null for roles below Editor.",
    )
    body_is_cut = serializers.BooleanField(source="is_cut")


class QuarantinePageSerializer(serializers.Serializer[Any]):
    """A page of the quarantine; `next` is the cursor of the page after it."""

    results = QuarantinedBatchSerializer(many=True)
    next = serializers.CharField(allow_null=True)


class SelectionSerializer(Body):
    """Which batches are meant: at least one of the fields. A batch has to fit all that are given."""

    reason = serializers.ChoiceField(QUARANTINE_REASONS, required=False)
    input_id = serializers.IntegerField(min_value=0, max_value=2**63 - 1, required=False)
    batch_ids = serializers.ListField(
        child=serializers.UUIDField(), min_length=1, max_length=BATCHES_MOST, required=False
    )

    def validate(self, attrs: Any) -> Any:
        """Refuse a body that would mean everything."""
        if not attrs:
            raise serializers.ValidationError("Say which are meant: reason, input_id or batch_ids.")
        return attrs


class MovedSerializer(serializers.Serializer[Any]):
    """What was moved. `is_more` says that some of the selection are left for another call."""

    batches = serializers.IntegerField()
    events = serializers.IntegerField()
    is_more = serializers.BooleanField()
