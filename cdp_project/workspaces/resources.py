"""Configuration resources over HTTP: list, make, read, change and delete, declared at one place each.

A view says in `rows` which rows can be meant; everything else here is alike for all: the gate, filters and pages,
entity tags, the row's lock, one transaction with the audit log, and problems by JSON pointer.
"""

from collections.abc import Callable
from functools import cache
from typing import Any, NamedTuple

from drf_spectacular.utils import OpenApiParameter
from rest_framework import serializers, status
from rest_framework.response import Response

from cdp_project.kernel.cursor import Number
from cdp_project.kernel.errors import Refusal
from cdp_project.workspaces import scopes
from cdp_project.workspaces.endpoint import Asked, Gate, Handler, Operation, Serializer, View, endpoint, for_role
from cdp_project.workspaces.entity_tags import ETAG, IF_MATCH, IF_NONE_MATCH, refuse_another, tag_of, tagged
from cdp_project.workspaces.filters import FilterSet, filtered, parameters_of
from cdp_project.workspaces.models import Role
from cdp_project.workspaces.parameters import choice_of, position_of
from cdp_project.workspaces.problems import CHANGED_MEANWHILE
from cdp_project.workspaces.reading import CURSOR, LIMIT, page
from cdp_project.workspaces.resource_rows import ResourceView, one

__all__ = ["GIVE_UP", "ResourceView", "changing", "creating", "deleting", "listing", "refuse_waiting", "showing"]

GIVE_UP = OpenApiParameter(
    "give_up", bool, description="`true`: delete it although something waits. Otherwise that is a 409 which says what."
)

LOCATION = OpenApiParameter("Location", str, OpenApiParameter.HEADER, response=[201], description="Its address.")
NOT_MODIFIED: dict[int, Any] = {304: None}


class RowPlace(NamedTuple):
    """Where a page of configuration ended."""

    row_id: Number


@cache
def page_of(answer: Serializer) -> Serializer:
    """The serializer of a page; `next` is the cursor of the page after it."""
    name = answer.__name__.removesuffix("Serializer")
    fields = {"results": answer(many=True), "next": serializers.CharField(allow_null=True)}
    return type(f"{name}PageSerializer", (serializers.Serializer,), {"__doc__": "A page of them.", **fields})


def listing(
    operation_id: str,
    answer: Serializer,
    filters: FilterSet | None = None,
    *,
    role: Role = Role.VIEWER,
    newest_first: bool = False,
    gate: Gate | None = None,
) -> Callable[[Handler], View]:
    """Declare a GET of many. The handler takes (self, asked, **path) and returns a QuerySet, usually `rows`."""
    operation = Operation(
        operation_id=operation_id,
        gate=gate or for_role(role),
        scope=scopes.to_read(role),
        answers={200: page_of(answer), **NOT_MODIFIED},
        takes=(*parameters_of(filters), LIMIT, CURSOR),
        headers=(IF_NONE_MATCH, ETAG),
    )
    order, beyond = ("-pk", "pk__lt") if newest_first else ("pk", "pk__gt")

    def declare(handler: Handler) -> View:
        def respond(view: Any, asked: Asked, path: dict[str, str]) -> Response:
            rows = filtered(handler(view, asked, **path), filters, asked.query).order_by(order)
            if (place := position_of(asked.query, RowPlace)) is not None:
                rows = rows.filter(**{beyond: place.row_id})
            found = page(list(rows[: asked.limit + 1]), asked.limit, lambda row: (row.pk,))
            return tagged(asked.headers, page_of(answer)(found).data)

        return endpoint(operation, handler, respond)

    return declare


def showing(operation_id: str, answer: Serializer, *, role: Role = Role.VIEWER) -> Callable[[Handler], View]:
    """Declare a GET of one. The handler takes (self, asked, row) and returns what is shown, usually the row."""
    operation = Operation(
        operation_id=operation_id,
        gate=for_role(role),
        scope=scopes.to_read(role),
        answers={200: answer, **NOT_MODIFIED},
        headers=(IF_NONE_MATCH, ETAG),
    )

    def declare(handler: Handler) -> View:
        def respond(view: Any, asked: Asked, path: dict[str, str]) -> Response:
            return tagged(asked.headers, answer(handler(view, asked, one(view, asked, path))).data)

        return endpoint(operation, handler, respond)

    return declare


def creating(
    operation_id: str, answer: Serializer, body: Serializer, *, role: Role = Role.EDITOR, gate: Gate | None = None
) -> Callable[[Handler], View]:
    """Declare a POST that makes one. The handler takes (self, asked, **path) and returns the new row.

    Fields that `answer.shown_once` names are secrets: they are no part of the representation that the tag is about.
    """
    operation = Operation(
        operation_id=operation_id,
        gate=gate or for_role(role),
        scope=scopes.to_change(role),
        answers={201: answer},
        headers=(ETAG, LOCATION),
        body=body,
        is_unsafe=True,
    )

    def declare(handler: Handler) -> View:
        def respond(view: Any, asked: Asked, path: dict[str, str]) -> Response:
            made = handler(view, asked, **path)
            answered = _represented(answer, made, status.HTTP_201_CREATED)
            answered["Location"] = view.address_of(asked, made)
            return answered

        return endpoint(operation, handler, respond)

    return declare


def changing(
    operation_id: str, answer: Serializer, body: Serializer, *, role: Role = Role.EDITOR
) -> Callable[[Handler], View]:
    """Declare a PATCH of one. The handler takes (self, asked, row), with the row locked, and returns the row."""
    operation = Operation(
        operation_id=operation_id,
        gate=for_role(role),
        scope=scopes.to_change(role),
        answers={200: answer, **CHANGED_MEANWHILE},
        headers=(IF_MATCH, ETAG),
        body=body,
        is_partial=True,
        is_unsafe=True,
    )

    def declare(handler: Handler) -> View:
        def respond(view: Any, asked: Asked, path: dict[str, str]) -> Response:
            return _represented(answer, handler(view, asked, _locked(view, asked, path, answer)), status.HTTP_200_OK)

        return endpoint(operation, handler, respond)

    return declare


def deleting(
    operation_id: str, shown: Serializer, *taken: OpenApiParameter, role: Role = Role.EDITOR
) -> Callable[[Handler], View]:
    """Declare a DELETE of one. The handler takes (self, asked, row), with the row locked; the answer is empty.

    If-Match is compared with the tag of what `shown` shows.
    """
    operation = Operation(
        operation_id=operation_id,
        gate=for_role(role),
        scope=scopes.to_change(role),
        answers={204: None, **CHANGED_MEANWHILE},
        takes=taken,
        headers=(IF_MATCH,),
        is_unsafe=True,
    )

    def declare(handler: Handler) -> View:
        def respond(view: Any, asked: Asked, path: dict[str, str]) -> Response:
            handler(view, asked, _locked(view, asked, path, shown))
            return Response(status=status.HTTP_204_NO_CONTENT)

        return endpoint(operation, handler, respond)

    return declare


def refuse_waiting(asked: Asked, waiting: str) -> None:
    """For deletions that take GIVE_UP: 409 that says what waits, "" for nothing. Raises Refusal."""
    if choice_of(asked.query, "give_up", ("true", "false")) != "true" and waiting:
        raise Refusal(409, "something_waits", f"{waiting} Repeat with give_up=true to delete it all the same.")


def _locked(view: ResourceView, asked: Asked, path: dict[str, str], shown: Serializer) -> Any:
    """The row, locked, in the state that If-Match names."""
    row = one(view, asked, path, locked=True)
    refuse_another(asked.headers, tag_of(shown(row).data))
    return row


def _represented(answer: Serializer, row: Any, http_status: int) -> Response:
    data = answer(row).data
    once: frozenset[str] = getattr(answer, "shown_once", frozenset())
    unstored = {"Cache-Control": "no-store"} if once else {}
    return Response(data, http_status, headers={"ETag": tag_of(data, once), **unstored})
