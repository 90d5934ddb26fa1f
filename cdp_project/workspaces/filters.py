"""Filters of lists of configuration: strict ones, which the schema describes from their own declaration."""

from collections.abc import Mapping
from typing import Any, TypeVar

import django_filters
from django import forms
from django.db.models import Model, QuerySet
from drf_spectacular.utils import OpenApiParameter

from cdp_project.workspaces.parameters import BIGGEST_ID, bad_parameter

M = TypeVar("M", bound=Model)
FilterSet = type[django_filters.FilterSet]


class WordFilter(django_filters.ChoiceFilter):  # type: ignore[misc]
    """One of several words, given as `choices`."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **{"empty_label": None, **kwargs})


class FlagFilter(django_filters.TypedChoiceFilter):  # type: ignore[misc]
    """`true` or `false`, and nothing that might mean one of them."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        words = [("true", "true"), ("false", "false")]
        super().__init__(*args, **{"choices": words, "coerce": lambda word: word == "true", **kwargs})


class IdFilter(django_filters.Filter):  # type: ignore[misc]
    """The number of a thing of the workspace."""

    field_class = forms.IntegerField

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **{"min_value": 0, "max_value": BIGGEST_ID, **kwargs})


class MomentFilter(django_filters.IsoDateTimeFilter):  # type: ignore[misc]
    """A time (ISO 8601, UTC without an offset)."""


class TextFilter(django_filters.CharFilter):  # type: ignore[misc]
    """A text as it stands there."""


def filters_named(name: str, **filters: django_filters.Filter) -> FilterSet:
    """Filters some of which have names that Python keeps for itself, such as `from`."""
    made: FilterSet = type(django_filters.FilterSet)(name, (django_filters.FilterSet,), filters)
    return made


def parameters_of(filters: FilterSet | None) -> list[OpenApiParameter]:
    """The filters as parameters of the query."""
    if filters is None:
        return []
    return [_parameter(name, each) for name, each in filters.base_filters.items()]


def filtered(rows: QuerySet[M], filters: FilterSet | None, query: Mapping[str, str]) -> QuerySet[M]:
    """The rows that fit every filter given. Raises Refusal 400; an empty value does not mean all."""
    if filters is None:
        return rows
    given = {name: query[name] for name in filters.base_filters if name in query}
    for name, value in given.items():
        if not value.strip():
            raise bad_parameter(name, "is empty; leave it out for all")
    found = filters(given, queryset=rows)
    if not found.is_valid():
        name, errors = next(iter(found.errors.items()))
        raise bad_parameter(name, f"cannot be used: {str(errors[0]).rstrip('.')}")
    narrowed: QuerySet[M] = found.qs
    return narrowed


def _parameter(name: str, each: django_filters.Filter) -> OpenApiParameter:
    told = each.extra.get("help_text", "")
    match each:
        case WordFilter():
            return OpenApiParameter(name, str, enum=[value for value, _ in each.extra["choices"]], description=told)
        case FlagFilter():
            return OpenApiParameter(name, bool, description=told)
        case IdFilter():
            return OpenApiParameter(name, int, description=told)
        case MomentFilter():
            return OpenApiParameter(name, str, description=told or "A time (ISO 8601, UTC without an offset).")
        case _:
            return OpenApiParameter(name, str, description=told)
