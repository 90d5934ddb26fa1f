"""Rows of configuration as the API finds, locks and stores them."""

from collections.abc import Mapping
from typing import Any, TypeVar

from django.core.exceptions import NON_FIELD_ERRORS, ValidationError
from django.db import IntegrityError
from django.db.models import Model, QuerySet
from rest_framework import serializers
from rest_framework.exceptions import ErrorDetail
from rest_framework.views import APIView

from cdp_project.kernel.errors import WHOLE, Refusal, not_found
from cdp_project.workspaces import audit
from cdp_project.workspaces.access import number_of
from cdp_project.workspaces.audit import Actor
from cdp_project.workspaces.endpoint import Asked

M = TypeVar("M", bound=Model)


class ResourceView(APIView):
    """One address of a resource. The last name in the path of a single thing is its number."""

    def rows(self, asked: Asked, **path: str) -> QuerySet[Any]:
        """What can be meant here: rows of the workspace, by the other names in the path. Raises Refusal."""
        raise NotImplementedError

    def lock_first(self, asked: Asked) -> None:
        """Take the locks that must come before the row's own."""

    def address_of(self, asked: Asked, row: Any) -> str:
        """Where a row that was just made can be found."""
        return f"{asked.address}/{row.pk}"


def one(view: ResourceView, asked: Asked, path: Mapping[str, str], *, locked: bool = False) -> Any:
    """The row that the path names, on demand locked until the transaction ends. Raises Refusal 404."""
    if locked:
        view.lock_first(asked)
    *others, own = path or [None]
    rows = view.rows(asked, **{name: path[name] for name in others if name is not None})
    found = _named(rows.select_for_update(of=("self",)) if locked else rows, None if own is None else path[own])
    if found is None:
        raise not_found(str(rows.model._meta.verbose_name))
    return found


def _named(rows: QuerySet[M], name: str | None) -> M | None:
    """The row of that number; without a name in the path the only one."""
    if name is None:
        return rows.first()
    number = number_of(name)
    return None if number is None else rows.filter(pk=number).first()


def saved(actor: Actor, row: M, data: Mapping[str, Any]) -> M:
    """Set the fields, check the model's own rules, store it with its entry in the audit log.

    Raises ValidationError by field, and Refusal 409 when another call was faster.
    """
    for name, value in data.items():
        setattr(row, name, value)
    check(row)
    try:
        with audit.changing(actor, row):
            row.save()
    except IntegrityError:
        told = f"Another {row._meta.verbose_name} that excludes this one was made or changed at the same moment."
        raise Refusal(409, "conflict", told) from None
    return row


def check(row: Model) -> None:
    """The model's own rules. Raises DRF's ValidationError, by field."""
    try:
        row.full_clean()
    except ValidationError as error:
        raise serializers.ValidationError(_by_field(error)) from None


def _by_field(error: ValidationError) -> dict[str, list[ErrorDetail]]:
    return {
        WHOLE if name == NON_FIELD_ERRORS else name: [
            ErrorDetail(text, each.code or "invalid") for each in errors for text in each.messages
        ]
        for name, errors in error.error_dict.items()
    }
