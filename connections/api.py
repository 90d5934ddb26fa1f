"""What became of events, over HTTP (Bearer): journeys, deliveries, verdicts, alerts; and trying again."""

from dataclasses import asdict
from datetime import timedelta
from typing import Any

from drf_spectacular.utils import OpenApiParameter
from rest_framework.views import APIView

from cdp_project.kernel import clock
from cdp_project.kernel.cursor import Position
from cdp_project.kernel.database import one_look
from cdp_project.kernel.errors import not_found
from cdp_project.workspaces.parameters import bad_parameter, choice_of, hours_of, id_of, position_of, uuid_of
from cdp_project.workspaces.reading import CURSOR, LIMIT, Asked, Body, acting, page, reading
from connections import acknowledging, replay_actions
from connections.choosing import Selection, Taken
from connections.models import AlertLevel, ItemState
from connections.parameters import REASON, own_of, reason_of
from connections.reading import alerts, verdicts
from connections.reading.alerts import Alert, AlertPlace
from connections.reading.attempts import attempts_page
from connections.reading.journey import journey_of
from connections.reading.own import Own
from connections.reading.undelivered import ItemPlace, Wanted, undelivered
from connections.reading.verdicts import Verdicts, VerdictsPlace
from connections.serializers import (
    AlertPageSerializer,
    AlertSerializer,
    EventJourneySerializer,
    ListedAttemptPageSerializer,
    RetrySerializer,
    TakenSerializer,
    UndeliveredPageSerializer,
    VerdictsPageSerializer,
)
from events.selectors import event_of
from identity.parameters import mpid_of

STATES = {state.name.lower(): state for state in ItemState}
LEVELS = {level.name.lower(): level for level in AlertLevel}
HOURS_USUAL, HOURS_MOST = timedelta(hours=12), timedelta(days=31)

CONNECTION = OpenApiParameter("connection_id", int)
OUTPUT = OpenApiParameter("output_id", int)
FROM = OpenApiParameter("from", str, description="The first hour (ISO 8601, UTC without an offset).")
TO = OpenApiParameter("to", str, description="The last hour; this one unless given. At most 31 days after from.")


class EventView(APIView):
    """One event."""

    @reading("readEvent", EventJourneySerializer)
    def get(self, asked: Asked, event_id: str) -> dict[str, Any]:
        """The event and its journey: for every connection whether it waits, was delivered, withheld or failed."""
        wanted = uuid_of(event_id, "event_id")
        with one_look():
            event = event_of(asked.workspace.pk, asked.environment, wanted)
            if event is None:
                raise not_found("event")
            stops = journey_of(event, own_of(asked.workspace, asked.environment))
        return {**asdict(event), "environment": event.environment, "journey": stops}


class DeliveriesView(APIView):
    """What did not simply go out."""

    @reading(
        "listDeliveries",
        UndeliveredPageSerializer,
        CONNECTION,
        OUTPUT,
        OpenApiParameter("state", str, enum=list(STATES)),
        REASON,
        OpenApiParameter("mpid", str),
        OpenApiParameter("event_id", str),
        LIMIT,
        CURSOR,
    )
    def get(self, asked: Asked) -> dict[str, Any]:
        """Events that are tried again, held, parked, refused, or were withheld on their way; the latest change first.

        What went out at once is counted (see verdicts) and not listed.
        """
        before = position_of(asked.query, ItemPlace)
        found = undelivered(_own(asked), _wanted(asked), before=before, limit=asked.limit + 1)
        return page(found, asked.limit, lambda item: item.place)


class RetryDeliveriesView(APIView):
    """Try again."""

    @acting("retryDeliveries", TakenSerializer, RetrySerializer)
    def post(self, asked: Asked) -> Taken:
        """Let items be tried again, at most 10,000 a call.

        Those that are parked, failed, or were withheld because their output or connection was off have another 72
        hours. Those that are being retried are due at once, whatever wait the partner asked for.
        """
        body = asked.data
        own = own_of(asked.workspace, asked.environment, body.get("connection_id"), body.get("output_id"))
        reason = reason_of(body.get("reason"))
        selection = Selection(own.existing, STATES[body["state"]], reason, body.get("event_ids"))
        return replay_actions.retry(asked.actor, asked.workspace, selection)


class AttemptsView(APIView):
    """Requests."""

    @reading(
        "listAttempts",
        ListedAttemptPageSerializer,
        OpenApiParameter("event_id", str, required=True),
        CONNECTION,
        OUTPUT,
        LIMIT,
        CURSOR,
    )
    def get(self, asked: Asked) -> dict[str, Any]:
        """Requests that carried an event, the latest first: those without success, and some of those with."""
        if "event_id" not in asked.query:
            raise bad_parameter("event_id", "is needed: the event whose requests are asked for")
        before, own = position_of(asked.query, Position), _own(asked)
        event = event_of(asked.workspace.pk, asked.environment, uuid_of(asked.query["event_id"], "event_id"))
        found = [] if event is None else attempts_page(event, own, before=before, limit=asked.limit + 1)
        return page(found, asked.limit, lambda each: each.position)


class AlertsView(APIView):
    """Faults of deliveries."""

    @reading(
        "listAlerts",
        AlertPageSerializer,
        FROM,
        TO,
        CONNECTION,
        OUTPUT,
        OpenApiParameter("level", str, enum=list(LEVELS)),
        LIMIT,
        CURSOR,
    )
    def get(self, asked: Asked) -> dict[str, Any]:
        """Events that met a fault, by hour, output, connection and code; the last twelve hours unless told."""
        hours = hours_of(asked.query, clock.now(), HOURS_USUAL, HOURS_MOST)
        word = choice_of(asked.query, "level", LEVELS)
        before = position_of(asked.query, AlertPlace)
        level = None if word is None else LEVELS[word]
        found = alerts.alerts(_own(asked), hours, level=level, before=before, limit=asked.limit + 1)
        answer = page(found, asked.limit, lambda alert: alert.place)
        shown = acknowledging.with_acknowledgements(asked.environment, answer["results"])
        return {**answer, "results": alerts.with_samples(shown)}


class AcknowledgeAlertView(APIView):
    """Take care of one."""

    @acting("acknowledgeAlert", AlertSerializer, Body)
    def post(self, asked: Asked, alert_id: str) -> Alert:
        """Say that you take care of an alert. Whoever said so first stays; it changes no count."""
        found = acknowledging.find(asked.workspace, asked.environment, alert_id)
        if found is None:
            raise not_found("alert")
        acknowledging.acknowledge(asked.actor, asked.workspace, asked.environment, found, clock.now())
        (shown,) = alerts.with_samples(acknowledging.with_acknowledgements(asked.environment, [found]))
        return shown


class VerdictsView(APIView):
    """Counts of what became of events."""

    @reading(
        "listVerdicts",
        VerdictsPageSerializer,
        OpenApiParameter("by", str, enum=["hour"], description="By the events' hour instead of over all hours."),
        FROM,
        TO,
        CONNECTION,
        OUTPUT,
        LIMIT,
        CURSOR,
    )
    def get(self, asked: Asked) -> dict[str, Any]:
        """Events of each connection by state and reason; `from` and `to` go with `by=hour`."""
        return page(_verdicts(asked), asked.limit, lambda each: each.place)


def _verdicts(asked: Asked) -> list[Verdicts]:
    own, place, limit = _own(asked), position_of(asked.query, VerdictsPlace), asked.limit + 1
    if choice_of(asked.query, "by", ["hour"]) is not None:
        first, last = hours_of(asked.query, clock.now(), HOURS_USUAL, HOURS_MOST)
        return verdicts.verdicts_by_hour(own, first, last, before=place, limit=limit)
    for name in ("from", "to"):
        if name in asked.query:
            raise bad_parameter(name, "goes with by=hour")
    return verdicts.verdicts(own, after=place, limit=limit)


def _own(asked: Asked) -> Own:
    numbers = id_of(asked.query, "connection_id"), id_of(asked.query, "output_id")
    return own_of(asked.workspace, asked.environment, *numbers)


def _wanted(asked: Asked) -> Wanted:
    query = asked.query
    word, reason = choice_of(query, "state", STATES), reason_of(query.get("reason"))
    mpid = mpid_of(query["mpid"]) if "mpid" in query else None
    event_id = uuid_of(query["event_id"], "event_id") if "event_id" in query else None
    if event_id is not None and mpid is None:
        # There is an index by person.
        event = event_of(asked.workspace.pk, asked.environment, event_id)
        mpid = event.mpid if event else None
    return Wanted(None if word is None else STATES[word], reason, mpid, event_id)
