"""System checks: nothing that belongs to a workspace is registered with an admin that could show it to others."""

from collections.abc import Iterator
from typing import Any

from django.contrib import admin
from django.core.checks import CheckMessage, Error, Tags, register
from django.core.exceptions import FieldDoesNotExist
from django.db.models import Model

from cdp_project.workspaces.scoped_admin import ScopedAdmin, is_scoped


@register(Tags.admin)
def check_scoped_models(site: admin.AdminSite | None = None, **_kwargs: Any) -> list[CheckMessage]:
    """E001: a scoped model without ScopedAdmin. E002: a list filter that names other workspaces' objects."""
    found: list[CheckMessage] = []
    for model, model_admin in (site or admin.site)._registry.items():
        if is_scoped(model):
            found += _problems(model, model_admin)
    return found


def _problems(model: type[Model], model_admin: Any) -> Iterator[CheckMessage]:
    name = type(model_admin).__name__
    if not isinstance(model_admin, ScopedAdmin):
        yield Error(
            f"{model.__name__} belongs to a workspace, but {name} is no ScopedAdmin.",
            hint="Inherit from cdp_project.workspaces.scoped_admin.ScopedAdmin.",
            obj=type(model_admin),
            id="workspaces.E001",
        )
    for entry in model_admin.list_filter:
        if isinstance(entry, str) and _is_relation(model, entry):
            yield Error(
                f"{name} filters by the relation {entry!r}, whose choices are those of every workspace.",
                hint=f"Use ({entry!r}, admin.RelatedOnlyFieldListFilter).",
                obj=type(model_admin),
                id="workspaces.E002",
            )


def _is_relation(model: type[Model], path: str) -> bool:
    try:
        return bool(model._meta.get_field(path.split("__", maxsplit=1)[0]).is_relation)
    except FieldDoesNotExist:
        return False
