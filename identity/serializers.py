"""What the API shows of events and profiles. MPIDs are strings: JavaScript rounds larger numbers."""

from typing import Any

from rest_framework import serializers


class EventSerializer(serializers.Serializer[Any]):
    """One stored event."""

    event_id = serializers.UUIDField()
    batch_id = serializers.UUIDField()
    mpid = serializers.CharField()
    input_id = serializers.IntegerField()
    environment = serializers.CharField(source="environment.word")
    event_type = serializers.CharField()
    name = serializers.CharField()
    occurred_at = serializers.DateTimeField()
    received_at = serializers.DateTimeField()
    session_id = serializers.CharField(allow_null=True)
    # DRF takes declared fields off the class: the property of the same name stays what it is.
    data = serializers.DictField()  # type: ignore[assignment]
    forwarded = serializers.ListField(
        child=serializers.IntegerField(), help_text="Connections that it went out on, by id."
    )
    withheld = serializers.DictField(
        child=serializers.CharField(), help_text="Connections that did not get it, by id, each with the reason."
    )
    batch_violations = serializers.ListField(
        child=serializers.DictField(child=serializers.CharField()),
        help_text="What was mended in or left out of the event's batch: code and JSON pointer.",
    )


class EventPageSerializer(serializers.Serializer[Any]):
    """A page of events; `next` is the cursor of the page after it."""

    results = EventSerializer(many=True)
    next = serializers.CharField(allow_null=True)


class ProfileSerializer(serializers.Serializer[Any]):
    """One profile."""

    mpid = serializers.CharField()
    is_known = serializers.BooleanField()
    attributes = serializers.DictField()
    identities = serializers.DictField(child=serializers.CharField())
    devices = serializers.DictField()
    consent = serializers.DictField()
    first_seen_at = serializers.DateTimeField()
    last_seen_at = serializers.DateTimeField()


class ProfileListSerializer(serializers.Serializer[Any]):
    """Profiles that hold an identity."""

    results = ProfileSerializer(many=True)


class SessionSerializer(serializers.Serializer[Any]):
    """One session; the times are those of its events."""

    session_id = serializers.CharField()
    input_id = serializers.IntegerField()
    started_at = serializers.DateTimeField()
    last_at = serializers.DateTimeField()
    ended_at = serializers.DateTimeField(allow_null=True, help_text="null while it is open.")
    event_count = serializers.IntegerField()


class SessionPageSerializer(serializers.Serializer[Any]):
    """A page of sessions; `next` is the cursor of the page after it."""

    results = SessionSerializer(many=True)
    next = serializers.CharField(allow_null=True)
