"""Reading people and their events back (Bearer)."""

from typing import Any

from drf_spectacular.utils import OpenApiParameter
from rest_framework.views import APIView

from cdp_project.kernel.cursor import Position
from cdp_project.kernel.errors import not_found
from cdp_project.workspaces.parameters import bad_parameter, moments_of, position_of
from cdp_project.workspaces.reading import CURSOR, LIMIT, Asked, page, reading
from events.selectors import Received, events_at, newest_events, newest_places
from events.session_list import SessionPlace, sessions_of
from identity import parameters
from identity.parameters import IDENTITY, MPID, NamedIdentity
from identity.selectors import people_with, profile_of
from identity.serializers import (
    EventPageSerializer,
    ProfileListSerializer,
    ProfileSerializer,
    SessionPageSerializer,
)

FROM = OpenApiParameter("from", str, description="Accepted at that moment or later (ISO 8601, UTC without an offset).")
TO = OpenApiParameter("to", str, description="Accepted before that moment.")


class EventsView(APIView):
    """Stored events."""

    @reading("listEvents", EventPageSerializer, *IDENTITY, MPID, FROM, TO, LIMIT, CURSOR)
    def get(self, asked: Asked) -> dict[str, Any]:
        """Events of everybody who holds the identity, of one MPID, or of all people; newest first.

        Of a person they are in the order of their own times, of all people in that of acceptance. `from` and `to`
        always mean the time of acceptance: only the days between are looked at.
        """
        person = parameters.person_of(asked.query)
        if person is None:
            return _of_everybody(asked)
        before = position_of(asked.query, Position)
        found = newest_places(
            asked.workspace.pk,
            asked.environment,
            _people(asked, person),
            before=before,
            limit=asked.limit + 1,
            received=_received(asked),
        )
        answer = page(found, asked.limit, lambda place: place.position)
        return {**answer, "results": events_at(answer["results"])}


class ProfilesView(APIView):
    """Profiles by identity."""

    @reading("findProfiles", ProfileListSerializer, *IDENTITY)
    def get(self, asked: Asked) -> dict[str, Any]:
        """Everybody who holds the identity, the latest to have got it first; at most 50."""
        people = _people(asked, parameters.identity_of(asked.query))
        found = [profile_of(asked.workspace, asked.environment, mpid) for mpid in people]
        return {"results": [profile for profile in found if profile is not None]}


class SingleProfileView(APIView):
    """One profile."""

    @reading("readProfile", ProfileSerializer)
    def get(self, asked: Asked, mpid: str) -> Any:
        """The profile of one MPID."""
        profile = profile_of(asked.workspace, asked.environment, parameters.mpid_of(mpid))
        if profile is None:
            raise not_found("profile")
        return profile


class SessionsView(APIView):
    """Sessions of a person."""

    @reading("listSessions", SessionPageSerializer, LIMIT, CURSOR)
    def get(self, asked: Asked, mpid: str) -> dict[str, Any]:
        """What one person did in one go each; the last to have begun first."""
        number, before = parameters.mpid_of(mpid), position_of(asked.query, SessionPlace)
        if profile_of(asked.workspace, asked.environment, number) is None:
            raise not_found("profile")
        found = sessions_of(asked.workspace.pk, asked.environment, number, before=before, limit=asked.limit + 1)
        return page(found, asked.limit, lambda session: session.place)


def _people(asked: Asked, person: NamedIdentity | int) -> list[int]:
    if isinstance(person, int):
        return [person]
    return people_with(asked.workspace, asked.environment, person.kind, person.value)


def _received(asked: Asked) -> Received:
    return Received.between(*moments_of(asked.query))


def _of_everybody(asked: Asked) -> dict[str, Any]:
    before, received = position_of(asked.query, Position), _received(asked)
    last_id = before.row_id if before else None
    try:
        found = newest_events(asked.workspace.pk, asked.environment, last_id, asked.limit + 1, received)
    except ValueError:
        raise bad_parameter("cursor", "is not one that this list gave out; begin without it") from None
    return page(found, asked.limit, lambda event: Position(event.received_at, event.event_id))
