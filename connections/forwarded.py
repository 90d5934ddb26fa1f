"""A processed batch as partners may see it: what was sent, and who the person is by now. Pure."""

from typing import Any

from cdp_project.kernel import clock
from directory.contracts import ForwardedBatch, ForwardedEvent
from events.pipeline import Context, EventItem, Person, PipelineError
from events.processing.session_id import session_id


def forwarded_batch(context: Context, items: list[EventItem]) -> ForwardedBatch:
    """The batch with these of its events."""
    accepted, source, person = context.accepted, context.batch, _person(context)
    devices = {kind: value for kind, value in source.identities.items() if kind.is_device}
    people = {kind: value for kind, value in person.identities.items() if not kind.is_device}
    return ForwardedBatch(
        batch_id=str(accepted.batch_id),
        mpid=person.mpid,
        environment=accepted.environment.word,
        received_at_ms=clock.milliseconds(accepted.received_at),
        source_request_id=source.source_request_id,
        input_id=accepted.input_id,
        input_name=context.input.name,
        input_kind=context.input.kind,
        platform=context.input.platform,
        identities=people | devices,
        user_attributes=person.attributes,
        envelope=_envelope(context, person),
        events=tuple(map(_forwarded_event, items)),
        identity_times={kind: at for kind in people if (at := person.identity_times.get(kind.word)) is not None},
    )


def _envelope(context: Context, person: Person) -> dict[str, Any]:
    envelope = dict(context.batch.envelope)
    if context.batch.deleted_user_attributes:
        envelope["deleted_user_attributes"] = context.batch.deleted_user_attributes
    if person.consent:
        envelope["consent_state"] = person.consent
    if person.consent_changes:
        envelope["system_notifications"] = person.consent_changes
    return envelope


def _forwarded_event(item: EventItem) -> ForwardedEvent:
    if item.event_id is None:
        raise PipelineError("connections.steps.forward runs before events have their ids; see CDP_PIPELINE.")
    event, data = item.event, item.event.data
    if (session := session_id(data)) is not None:
        data = {**data, "session_id": session}
    return ForwardedEvent(str(item.event_id), event.event_type, event.name, clock.milliseconds(item.occurred_at), data)


def _person(context: Context) -> Person:
    if context.person is None:
        raise PipelineError("connections.steps.forward runs before people are known; see CDP_PIPELINE.")
    return context.person
