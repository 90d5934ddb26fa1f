"""What the API shows of deliveries, verdicts and alerts, and what it is told to try again."""

from typing import Any

from rest_framework import serializers

from cdp_project.workspaces.reading import Body
from connections.parameters import REASON_MEANS
from identity.serializers import EventSerializer

RETRIED = ("parked", "failed", "withheld", "retrying")
EVENTS_MOST = 1000


class AttemptSerializer(serializers.Serializer[Any]):
    """One request."""

    at = serializers.DateTimeField()
    status = serializers.IntegerField(allow_null=True, help_text="null when there was no answer.")
    error = serializers.CharField(help_text='"" when it succeeded.')
    # DRF takes declared fields off the class: the attribute of the same name stays what it is.
    label = serializers.CharField(help_text="The error in words.")  # type: ignore[assignment]
    latency_ms = serializers.IntegerField()
    answer_sample = serializers.CharField(help_text="The beginning of the answer, without secrets and persons.")


class ListedAttemptSerializer(serializers.Serializer[Any]):
    """One request, with the connection that it was made for."""

    attempt_id = serializers.UUIDField()
    connection_id = serializers.IntegerField()
    output_id = serializers.IntegerField()
    at = serializers.DateTimeField(source="attempt.at")
    status = serializers.IntegerField(
        source="attempt.status", allow_null=True, help_text="null when there was no answer."
    )
    error = serializers.CharField(source="attempt.error", help_text='"" when it succeeded.')
    label = serializers.CharField(source="attempt.label", help_text="The error in words.")  # type: ignore[assignment]
    latency_ms = serializers.IntegerField(source="attempt.latency_ms")
    answer_sample = serializers.CharField(
        source="attempt.answer_sample", help_text="The beginning of the answer, without secrets and persons."
    )


class ListedAttemptPageSerializer(serializers.Serializer[Any]):
    """A page of requests; `next` is the cursor of the page after it."""

    results = ListedAttemptSerializer(many=True)
    next = serializers.CharField(allow_null=True)


class StopSerializer(serializers.Serializer[Any]):
    """What became of an event on one connection."""

    connection_id = serializers.IntegerField()
    output_id = serializers.IntegerField(allow_null=True, help_text="null when it is not known any more.")
    state = serializers.ChoiceField(["waiting", "delivered", "withheld", "failed"])
    item_state = serializers.CharField(help_text='retrying, held, parked, failed or withheld; "" when it simply went.')
    reason = serializers.CharField()
    sentence = serializers.CharField(help_text="The reason in words.")
    attempts = serializers.IntegerField(allow_null=True)
    first_failed_at = serializers.DateTimeField(allow_null=True)
    last_at = serializers.DateTimeField(allow_null=True)
    next_at = serializers.DateTimeField(allow_null=True, help_text="When it is tried again.")
    tries = AttemptSerializer(many=True, help_text="Requests without success, and some of those with.")


class EventJourneySerializer(EventSerializer):
    """One event with what became of it on every connection that there was when it was forwarded."""

    journey = StopSerializer(many=True)


class UndeliveredSerializer(serializers.Serializer[Any]):
    """One event (null: a batch without events) that did not simply go out."""

    event_id = serializers.UUIDField(allow_null=True)
    mpid = serializers.CharField()
    connection_id = serializers.IntegerField()
    output_id = serializers.IntegerField()
    is_deleted = serializers.BooleanField(help_text="Whether the connection was deleted.")
    state = serializers.CharField(source="state_word", help_text="retrying, held, parked, failed or withheld.")
    reason = serializers.CharField(help_text="The code of its last fault, for example http_503.")
    sentence = serializers.CharField(help_text="The reason in words.")
    attempts = serializers.IntegerField()
    first_failed_at = serializers.DateTimeField(allow_null=True, help_text="null for what never failed.")
    last_at = serializers.DateTimeField()
    next_at = serializers.DateTimeField(allow_null=True)


class UndeliveredPageSerializer(serializers.Serializer[Any]):
    """A page of them; `next` is the cursor of the page after it."""

    results = UndeliveredSerializer(many=True)
    next = serializers.CharField(allow_null=True)


class RetrySerializer(Body):
    """Which items are meant: those in the state that fit all other fields that are given."""

    state = serializers.ChoiceField(
        RETRIED,
        help_text="withheld: only where the output or the connection was off; retrying: due at once.",
    )
    connection_id = serializers.IntegerField(min_value=0, max_value=2**63 - 1, required=False)
    output_id = serializers.IntegerField(min_value=0, max_value=2**63 - 1, required=False)
    reason = serializers.CharField(max_length=100, required=False, help_text=REASON_MEANS)
    event_ids = serializers.ListField(
        child=serializers.UUIDField(), min_length=1, max_length=EVENTS_MOST, required=False
    )


class TakenSerializer(serializers.Serializer[Any]):
    """How many items go again. `is_more` says that some are left for another call."""

    items = serializers.IntegerField()
    is_more = serializers.BooleanField()


class AlertSerializer(serializers.Serializer[Any]):
    """How many events of a connection met a fault in an hour."""

    id = serializers.CharField(help_text="Names it when it is acknowledged.")
    hour = serializers.DateTimeField()
    level = serializers.ChoiceField(["informational", "warning", "fatal"], source="level_word")
    output_id = serializers.IntegerField()
    connection_id = serializers.IntegerField()
    is_deleted = serializers.BooleanField(help_text="Whether the connection was deleted.")
    code = serializers.CharField()
    label = serializers.CharField(help_text="The code in words.")  # type: ignore[assignment] # as above
    count = serializers.IntegerField()
    sample = AttemptSerializer(allow_null=True, help_text="One request that shows it, where one was kept.")
    acknowledged_by = serializers.CharField(allow_null=True, help_text="The first who said to take care of it.")
    acknowledged_at = serializers.DateTimeField(allow_null=True)


class AlertPageSerializer(serializers.Serializer[Any]):
    """A page of alerts; `next` is the cursor of the page after it."""

    results = AlertSerializer(many=True)
    next = serializers.CharField(allow_null=True)


class SumsSerializer(serializers.Serializer[Any]):
    """Events by state. waiting + delivered + withheld + failed = stored."""

    waiting = serializers.IntegerField()
    delivered = serializers.IntegerField()
    withheld = serializers.IntegerField()
    failed = serializers.IntegerField()
    stored = serializers.IntegerField()


class VerdictsSerializer(serializers.Serializer[Any]):
    """Events of one connection by what became of them."""

    connection_id = serializers.IntegerField()
    output_id = serializers.IntegerField()
    is_deleted = serializers.BooleanField(help_text="Whether the connection was deleted.")
    hour = serializers.DateTimeField(allow_null=True, help_text="The events' hour; null: over all hours.")
    sums = SumsSerializer()
    reasons = serializers.DictField(
        child=serializers.DictField(child=serializers.IntegerField()),
        help_text='By state (all four) and reason; the reason is "" where none is needed.',
    )


class VerdictsPageSerializer(serializers.Serializer[Any]):
    """A page of them; `next` is the cursor of the page after it."""

    results = VerdictsSerializer(many=True)
    next = serializers.CharField(allow_null=True)
