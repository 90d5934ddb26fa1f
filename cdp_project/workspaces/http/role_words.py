"""Roles as the API spells them: viewer, analyst, editor, admin."""

from typing import Any

from django.db.models import Model, QuerySet
from rest_framework import serializers

from cdp_project.kernel.errors import Refusal
from cdp_project.workspaces.endpoint import Asked
from cdp_project.workspaces.filters import WordFilter
from cdp_project.workspaces.models import Role

ROLE_CHOICES = [(role.name.lower(), role.label) for role in Role]


class RoleField(serializers.ChoiceField):
    """A word in the body, a Role in the program."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(choices=ROLE_CHOICES, **kwargs)

    def to_internal_value(self, data: Any) -> Any:
        return Role[super().to_internal_value(data).upper()]

    def to_representation(self, value: Any) -> str:
        return Role(value).name.lower()


class RoleFilter(WordFilter):
    """By the word."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **{"choices": ROLE_CHOICES, **kwargs})

    def filter(self, qs: QuerySet[Model], value: str | None) -> QuerySet[Model]:
        narrowed: QuerySet[Model] = super().filter(qs, Role[value.upper()].value) if value else qs
        return narrowed


def refuse_more(asked: Asked, role: Role) -> None:
    """Nobody gives away more than they have. Raises Refusal 403."""
    if role > asked.role:
        told = f"The role {role.label} is above your own, which is {asked.role.label}."
        raise Refusal(403, "role_too_high", told)
