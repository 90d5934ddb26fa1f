"""By what outputs and connections are searched."""

import django_filters

from cdp_project.workspaces.filters import FlagFilter, IdFilter, TextFilter


class OutputFilters(django_filters.FilterSet):  # type: ignore[misc]
    """All that are given have to fit."""

    integration = TextFilter()
    name = TextFilter()
    is_active_in_production = FlagFilter()
    is_active_in_development = FlagFilter()


class ConnectionFilters(django_filters.FilterSet):  # type: ignore[misc]
    """All that are given have to fit."""

    input_id = IdFilter()
    output_id = IdFilter()
    is_active = FlagFilter()
