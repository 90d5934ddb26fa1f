"""What every endpoint of our own API is made of: the gate, strict parameters, a checked body, its schema."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import wraps
from typing import Any

from django.http import HttpResponseBase
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from cdp_project.workspaces import once, parameters, scope_gate
from cdp_project.workspaces.access import access_workspace
from cdp_project.workspaces.audit import Actor, actor_of
from cdp_project.workspaces.environment import Environment
from cdp_project.workspaces.models import Role, Workspace
from cdp_project.workspaces.problems import REFUSALS, TOO_LARGE, UNSAFE_REFUSALS
from cdp_project.workspaces.scopes import SCOPE, Scope, role_within

Serializer = type[serializers.Serializer[Any]]
Handler = Callable[..., Any]
View = Callable[..., HttpResponseBase]
Gate = Callable[[Request, str | None], Workspace | None]
"""Lets a request in, by the workspace that its address names, or raises Refusal."""


@dataclass(frozen=True, slots=True)
class Asked:
    """A request that passed the gate. `query` holds declared parameters only, `data` the checked body."""

    place: Workspace | None
    environment: Environment
    query: Mapping[str, str]
    headers: Mapping[str, str]
    address: str
    actor: Actor
    role: Role
    data: Mapping[str, Any]

    @property
    def workspace(self) -> Workspace:
        """The workspace of every endpoint below one."""
        if self.place is None:
            raise LookupError("This endpoint stands outside every workspace.")
        return self.place

    @property
    def limit(self) -> int:
        """How many results make a page."""
        return parameters.limit_of(self.query)


@dataclass(frozen=True, slots=True, kw_only=True)
class Operation:
    """What an endpoint takes and answers, told once for the checks and for the schema.

    `takes` are parameters of the query, `headers` those that the schema names beside. What is unsafe happens in one
    transaction, and once where an Idempotency-Key comes with it.
    """

    operation_id: str
    gate: Gate
    scope: Scope
    answers: Mapping[int, Any]
    takes: Sequence[OpenApiParameter] = ()
    headers: Sequence[OpenApiParameter] = ()
    body: Serializer | None = None
    is_partial: bool = False
    is_unsafe: bool = False
    known: Sequence[str] = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "known", list(dict.fromkeys(each.name for each in self.takes)))


def for_role(role: Role) -> Gate:
    """The gate of endpoints below a workspace."""

    def gate(request: Request, workspace_id: str | None) -> Workspace:
        return access_workspace(request, workspace_id or "", role)

    return gate


def endpoint(operation: Operation, handler: Handler, answer: Callable[..., Response]) -> View:
    """The view: `answer(view, asked, path)` is called for what passed. The schema tells the handler's docstring."""

    @extend_schema(
        operation_id=operation.operation_id,
        parameters=[*operation.takes, *operation.headers, *(once.HEADERS if operation.is_unsafe else ())],
        request=operation.body,
        responses=_answers(operation),
    )
    @wraps(handler)
    def answered(self: Any, request: Request, workspace_id: str | None = None, **path: str) -> HttpResponseBase:
        workspace = operation.gate(request, workspace_id)
        scope_gate.require(request, operation.scope)
        parameters.refuse_unknown(request.query_params, operation.known)

        def perform() -> Response:
            return answer(self, _asked(request, workspace, operation), path)

        return once.once(request, perform) if operation.is_unsafe else perform()

    setattr(answered, SCOPE, operation.scope)
    return answered


def _answers(operation: Operation) -> dict[int, Any]:
    refusals = {**REFUSALS, **(UNSAFE_REFUSALS if operation.is_unsafe else {})}
    return {**refusals, **(TOO_LARGE if operation.is_unsafe else {}), **operation.answers}


def _asked(request: Request, workspace: Workspace | None, operation: Operation) -> Asked:
    query = request.query_params.dict()
    environment = parameters.environment_of(query)
    # A user's role is looked up at the gate; what only some may see is for programs so far.
    role = role_within(getattr(request.auth, "role", Role.VIEWER), getattr(request.user, "scopes", frozenset()))
    data = _checked(request, operation)
    return Asked(workspace, environment, query, request.headers, request.path, actor_of(request), role, data)


def _checked(request: Request, operation: Operation) -> Mapping[str, Any]:
    if operation.body is None:
        return {}
    given = operation.body(data=request.data, partial=operation.is_partial)
    given.is_valid(raise_exception=True)
    return dict(given.validated_data)
