"""Reading people and their events back (Bearer)."""

from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from cdp_project.kernel import cursor
from cdp_project.kernel.errors import not_found
from cdp_project.workspaces.access import access_workspace
from cdp_project.workspaces.environment import Environment
from cdp_project.workspaces.models import Role, Workspace
from events.selectors import events_at, newest_places
from identity import parameters
from identity.selectors import people_with, profile_of
from identity.serializers import EventPageSerializer, EventSerializer, ProfileListSerializer, ProfileSerializer

_ENVIRONMENT = OpenApiParameter("environment", str, enum=[each.word for each in Environment], default="production")
_IDENTITY = [
    OpenApiParameter("identity_type", str, description="For example customer_id or email."),
    OpenApiParameter("identity", str, description="The value of that type."),
]


class EventsView(APIView):
    """Stored events of a person."""

    @extend_schema(
        operation_id="listEvents",
        parameters=[
            *_IDENTITY,
            OpenApiParameter("mpid", str, description="Instead of identity_type and identity."),
            _ENVIRONMENT,
            OpenApiParameter("limit", int, default=parameters.PAGE),
            OpenApiParameter("cursor", str, description="`next` of the page before."),
        ],
        responses=EventPageSerializer,
    )
    def get(self, request: Request, workspace_id: str) -> Response:
        """Events of everybody who holds the identity, or of one MPID, newest first."""
        workspace = access_workspace(request, workspace_id, Role.VIEWER)
        query = request.query_params
        environment, limit = parameters.environment_of(query), parameters.limit_of(query)
        before = parameters.position_of(query)
        people = _people(workspace, environment, parameters.person_of(query))
        found = newest_places(workspace.pk, environment, people, before=before, limit=limit + 1)
        page, is_last = found[:limit], len(found) <= limit
        following = None if is_last else cursor.encode(page[-1].position)
        return Response({"results": EventSerializer(events_at(page), many=True).data, "next": following})


class ProfilesView(APIView):
    """Profiles by identity."""

    @extend_schema(operation_id="findProfiles", parameters=[*_IDENTITY, _ENVIRONMENT], responses=ProfileListSerializer)
    def get(self, request: Request, workspace_id: str) -> Response:
        """Everybody who holds the identity, the latest to have got it first."""
        workspace = access_workspace(request, workspace_id, Role.VIEWER)
        environment = parameters.environment_of(request.query_params)
        named = parameters.identity_of(request.query_params)
        people = people_with(workspace, environment, named.kind, named.value)
        found = [profile for mpid in people if (profile := profile_of(workspace, environment, mpid)) is not None]
        return Response({"results": ProfileSerializer(found, many=True).data})


class SingleProfileView(APIView):
    """One profile."""

    @extend_schema(operation_id="readProfile", parameters=[_ENVIRONMENT], responses=ProfileSerializer)
    def get(self, request: Request, workspace_id: str, mpid: str) -> Response:
        """The profile of one MPID."""
        workspace = access_workspace(request, workspace_id, Role.VIEWER)
        environment = parameters.environment_of(request.query_params)
        profile = profile_of(workspace, environment, parameters.mpid_of(mpid))
        if profile is None:
            raise not_found("profile")
        return Response(ProfileSerializer(profile).data)


def _people(workspace: Workspace, environment: Environment, person: parameters.NamedIdentity | int) -> list[int]:
    if isinstance(person, int):
        return [person]
    return people_with(workspace, environment, person.kind, person.value)
