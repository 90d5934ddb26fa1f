"""By what inputs are searched."""

import django_filters

from cdp_project.workspaces.filters import FlagFilter, TextFilter, WordFilter
from events.models import InputKind
from events.models.input import Platform


class InputFilters(django_filters.FilterSet):  # type: ignore[misc]
    """All that are given have to fit."""

    kind = WordFilter(choices=InputKind.choices)
    platform = WordFilter(choices=Platform.choices)
    is_active = FlagFilter()
    name = TextFilter()
