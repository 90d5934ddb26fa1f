"""Endpoints below a workspace for what is read, and for what is done to it: declared at one place each."""

from collections.abc import Callable, Sequence
from typing import Any, TypeVar

from drf_spectacular.utils import OpenApiParameter
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from cdp_project.kernel import cursor
from cdp_project.workspaces import parameters
from cdp_project.workspaces.endpoint import Asked, Handler, Operation, Serializer, View, endpoint, for_role
from cdp_project.workspaces.environment import Environment
from cdp_project.workspaces.models import Role
from cdp_project.workspaces.scopes import Scope

__all__ = ["CURSOR", "ENVIRONMENT", "LIMIT", "Asked", "Body", "acting", "looking", "page", "reading"]

T = TypeVar("T")

ENVIRONMENT = OpenApiParameter("environment", str, enum=[each.word for each in Environment], default="production")
LIMIT = OpenApiParameter("limit", int, default=parameters.PAGE, description=f"At most {parameters.PAGE_MOST}.")
CURSOR = OpenApiParameter("cursor", str, description="`next` of the page before.")


def reading(operation_id: str, answer: Serializer, *taken: OpenApiParameter) -> Callable[[Handler], View]:
    """Declare a GET for viewers. The handler takes (self, asked, **names in the path) and returns the answer's data."""
    takes = (ENVIRONMENT, *taken)
    operation = Operation(
        operation_id=operation_id, gate=for_role(Role.VIEWER), scope=Scope.READ, answers={200: answer}, takes=takes
    )
    return _plainly(operation, answer)


def looking(operation_id: str, answer: Serializer, *taken: OpenApiParameter) -> Callable[[Handler], View]:
    """Declare a GET outside every workspace, for whoever has a token. The handler is as that of `reading`."""

    def gate(_request: Request, _workspace_id: str | None) -> None:
        """A token is all that it takes, and that was asked for before."""

    operation = Operation(operation_id=operation_id, gate=gate, scope=Scope.READ, answers={200: answer}, takes=taken)
    return _plainly(operation, answer)


def acting(operation_id: str, answer: Serializer, body: Serializer) -> Callable[[Handler], View]:
    """Declare a POST for editors, with a JSON body; `environment` stays a parameter."""
    operation = Operation(
        operation_id=operation_id,
        gate=for_role(Role.EDITOR),
        scope=Scope.OPERATE,
        answers={200: answer},
        takes=(ENVIRONMENT,),
        body=body,
        is_unsafe=True,
    )
    return _plainly(operation, answer)


def _plainly(operation: Operation, answer: Serializer) -> Callable[[Handler], View]:
    def declare(handler: Handler) -> View:
        def respond(view: Any, asked: Asked, path: dict[str, str]) -> Response:
            return Response(answer(handler(view, asked, **path)).data)

        return endpoint(operation, handler, respond)

    return declare


# A body of a megabyte could name a hundred thousand.
UNKNOWN_TOLD_MOST = 20


class Body(serializers.Serializer[Any]):
    """Fields of a JSON body. One that is not declared is refused: mistyped, it would widen what is done."""

    def to_internal_value(self, data: Any) -> Any:
        unknown = sorted(set(data) - set(self.fields))[:UNKNOWN_TOLD_MOST] if isinstance(data, dict) else []
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
