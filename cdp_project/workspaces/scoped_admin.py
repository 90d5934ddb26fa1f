"""The admin of what belongs to a workspace: it shows, offers and changes nothing of another one.

Roles decide what may be done; every change goes through the audit log.
"""

from typing import Any, ClassVar, TypeVar

from django.contrib.admin.widgets import RelatedFieldWidgetWrapper
from django.db.models import Field, ForeignKey, ManyToManyField, Model, QuerySet
from django.forms import Field as FormField
from django.forms import ModelForm
from django.http import HttpRequest

from cdp_project.workspaces import audit
from cdp_project.workspaces.audit import actor_of
from cdp_project.workspaces.models import Role, Workspace
from cdp_project.workspaces.plain_looks import PlainLooks
from cdp_project.workspaces.scoped_form import ScopedForm
from cdp_project.workspaces.seat import Seat, seat_of
from cdp_project.workspaces.typed_admin import TypedAdmin

M = TypeVar("M", bound=Model)


def is_scoped(model: type[Model]) -> bool:
    """Rows of the model belong to a workspace."""
    return any(field.name == "workspace" and field.related_model is Workspace for field in model._meta.concrete_fields)


class ScopedAdmin(PlainLooks, TypedAdmin[M]):
    """Base of every admin class whose model has a workspace (checked at start: workspaces.E001, E002)."""

    form: "type[ModelForm[M]]" = ScopedForm
    view_role: ClassVar[Role] = Role.VIEWER
    change_role: ClassVar[Role] = Role.EDITOR

    def get_queryset(self, request: HttpRequest) -> QuerySet[M]:
        return _of_workspace(super().get_queryset(request), seat_of(request))

    def get_form(self, request: HttpRequest, obj: M | None = None, change: bool = False, **kwargs: Any) -> Any:
        form = super().get_form(request, obj, change=change, **kwargs)
        seat = seat_of(request)
        return type(form.__name__, (form,), {"workspace": seat.workspace if seat else None})

    def formfield_for_dbfield(self, db_field: "Field[Any, Any]", request: HttpRequest, **kwargs: Any) -> Any:
        field = super().formfield_for_dbfield(db_field, request, **kwargs)
        if isinstance(field, FormField) and isinstance(field.widget, RelatedFieldWidgetWrapper):
            # Its icons open pop-ups beside the way of working here.
            field.widget = field.widget.widget
        return field

    def formfield_for_foreignkey(self, db_field: "ForeignKey[Any, Any]", request: HttpRequest, **kwargs: Any) -> Any:
        return super().formfield_for_foreignkey(db_field, request, **_limited(db_field, request, kwargs))

    def formfield_for_manytomany(
        self, db_field: "ManyToManyField[Any, Any]", request: HttpRequest, **kwargs: Any
    ) -> Any:
        return super().formfield_for_manytomany(db_field, request, **_limited(db_field, request, kwargs))

    def has_role(self, request: HttpRequest, role: Role) -> bool:
        """The person has at least this role here."""
        return _may(request, role, None)

    # The argument is named obj: autocomplete passes it by that name.
    def has_view_permission(self, request: HttpRequest, obj: M | None = None) -> bool:
        return _may(request, self.view_role, obj)

    def has_add_permission(self, request: HttpRequest) -> bool:
        return _may(request, self.change_role, None)

    def has_change_permission(self, request: HttpRequest, obj: M | None = None) -> bool:
        return _may(request, self.change_role, obj)

    def has_delete_permission(self, request: HttpRequest, obj: M | None = None) -> bool:
        return _may(request, self.change_role, obj)

    def has_module_permission(self, request: HttpRequest) -> bool:
        return _may(request, self.view_role, None)

    def save_model(self, request: HttpRequest, obj: M, form: "ModelForm[M]", change: bool) -> None:
        with audit.changing(actor_of(request), obj):
            super().save_model(request, obj, form, change)

    def delete_model(self, request: HttpRequest, obj: M) -> None:
        audit.delete(actor_of(request), obj)

    def delete_queryset(self, request: HttpRequest, queryset: QuerySet[M]) -> None:
        for obj in queryset:
            self.delete_model(request, obj)

    # The audit log tells more than Django's own log, so that one is not written.
    def log_addition(self, *_args: Any, **_kwargs: Any) -> Any:
        return None

    def log_change(self, *_args: Any, **_kwargs: Any) -> Any:
        return None

    def log_deletions(self, *_args: Any, **_kwargs: Any) -> Any:
        return None


def _may(request: HttpRequest, role: Role, obj: Model | None) -> bool:
    seat = seat_of(request)
    if seat is None or seat.role < role:
        return False
    return obj is None or getattr(obj, "workspace_id", None) == seat.workspace.pk


def _of_workspace(rows: QuerySet[M], seat: Seat | None) -> QuerySet[M]:
    return rows.none() if seat is None else rows.filter(workspace=seat.workspace)


def _limited(
    db_field: "ForeignKey[Any, Any] | ManyToManyField[Any, Any]", request: HttpRequest, kwargs: dict[str, Any]
) -> dict[str, Any]:
    """Choices of the same workspace only."""
    related = db_field.remote_field.model
    if not is_scoped(related) or "queryset" in kwargs:
        return kwargs
    return {**kwargs, "queryset": _of_workspace(related._default_manager.all(), seat_of(request))}
