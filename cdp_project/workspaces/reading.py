"""Endpoints below a workspace, declared at one place each: the gate, the parameters, the schema and the answers."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import wraps
from typing import Any, TypeVar

from drf_spectacular.utils import OpenApiParameter, OpenApiResponse, extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from cdp_project.kernel import cursor
from cdp_project.workspaces import parameters
from cdp_project.workspaces.access import access_workspace
from cdp_project.workspaces.audit import Actor, actor_of
from cdp_project.workspaces.environment import Environment
from cdp_project.workspaces.models import Role, Workspace

T = TypeVar("T")

ENVIRONMENT = OpenApiParameter("environment", str, enum=[each.word for each in Environment], default="production")
LIMIT = OpenApiParameter("limit", int, default=parameters.PAGE, description=f"At most {parameters.PAGE_MOST}.")
CURSOR = OpenApiParameter("cursor", str, description="`next` of the page before.")
PAGED = (ENVIRONMENT, LIMIT, CURSOR)


class ProblemSerializer(serializers.Serializer[Any]):
    """Why a request was refused (RFC 9457)."""

    type = serializers.CharField()
    title = serializers.CharField()
    code = serializers.CharField(help_text="Stable; the detail is for people.")
    status = serializers.IntegerField()
    detail = serializers.CharField()


REFUSALS = {
    400: OpenApiResponse(ProblemSerializer, "A parameter or field cannot be used; the detail names it."),
    401: OpenApiResponse(ProblemSerializer, "There is no token, or it is not valid any more."),
    403: OpenApiResponse(ProblemSerializer, "The credential's role is too low; the detail names the one needed."),
    404: OpenApiResponse(ProblemSerializer, "There is no such thing in this workspace, or the workspace is not yours."),
}
TOO_LARGE = {413: OpenApiResponse(ProblemSerializer, "The body is too large.")}


@dataclass(frozen=True, slots=True)
class Asked:
    """A request that passed the gate. `query` holds declared parameters only, `data` the checked body of a POST."""

    workspace: Workspace
    environment: Environment
    query: Mapping[str, str]
    actor: Actor
    role: Role
    data: Mapping[str, Any]

    @property
    def limit(self) -> int:
        """How many results make a page."""
        return parameters.limit_of(self.query)


Handler = Callable[..., Any]
View = Callable[..., Response]


def reading(
    operation_id: str, answer: type[serializers.Serializer[Any]], *taken: OpenApiParameter
) -> Callable[[Handler], View]:
    """Declare a GET for viewers. The handler takes (self, asked, **names in the path) and returns the answer's data."""
    return _endpoint(operation_id, answer, (ENVIRONMENT, *taken), Role.VIEWER, None)


def acting(
    operation_id: str, answer: type[serializers.Serializer[Any]], body: type[serializers.Serializer[Any]]
) -> Callable[[Handler], View]:
    """Declare a POST for editors, with a JSON body; `environment` stays a parameter."""
    return _endpoint(operation_id, answer, (ENVIRONMENT,), Role.EDITOR, body)


def _endpoint(
    operation_id: str,
    answer: type[serializers.Serializer[Any]],
    taken: Sequence[OpenApiParameter],
    role: Role,
    body: type[serializers.Serializer[Any]] | None,
) -> Callable[[Handler], View]:
    known = list(dict.fromkeys(each.name for each in taken))
    answers = {200: answer, **REFUSALS, **({} if body is None else TOO_LARGE)}

    def declare(handler: Handler) -> View:
        @extend_schema(operation_id=operation_id, parameters=list(taken), request=body, responses=answers)
        @wraps(handler)
        def answered(self: Any, request: Request, workspace_id: str, **path: str) -> Response:
            workspace = access_workspace(request, workspace_id, role)
            parameters.refuse_unknown(request.query_params, known)
            data = handler(self, _asked(request, workspace, body), **path)
            return Response(answer(data).data)

        return answered

    return declare


def _asked(request: Request, workspace: Workspace, body: type[serializers.Serializer[Any]] | None) -> Asked:
    query = request.query_params.dict()
    checked: Mapping[str, Any] = {}
    if body is not None:
        given = body(data=request.data)
        given.is_valid(raise_exception=True)
        checked = given.validated_data
    # A user's role is looked up at the gate; what only some may see is for programs so far.
    role = Role(getattr(request.auth, "role", Role.VIEWER))
    return Asked(workspace, parameters.environment_of(query), query, actor_of(request), role, checked)


class Body(serializers.Serializer[Any]):
    """Fields of a JSON body. One that is not declared is refused: mistyped, it would widen what is done."""

    def to_internal_value(self, data: Any) -> Any:
        unknown = sorted(set(data) - set(self.fields)) if isinstance(data, dict) else []
        if unknown:
            known = ", ".join(self.fields) or "none"
            raise serializers.ValidationError(
                {name: [f"There is no such field; known are: {known}."] for name in unknown}
            )
        return super().to_internal_value(data)


def page(found: Sequence[T], limit: int, position: Callable[[T], tuple[Any, ...]]) -> dict[str, Any]:
    """A page of `limit` results out of one more, with the cursor of the page after it."""
    shown = found[:limit]
    following = cursor.encode(position(shown[-1])) if len(found) > limit else None
    return {"results": shown, "next": following}
