"""Pages of the operator, outside every workspace: who can sign in, and which workspaces there are.

The operator (`is_superuser`) sees no workspace's contents by that; only its members do.
"""

from typing import Any, TypeVar, cast

from django.contrib import admin
from django.contrib.auth.admin import UserAdmin
from django.contrib.auth.forms import UserCreationForm
from django.contrib.auth.models import Group, User
from django.db import transaction
from django.db.models import Model
from django.http import HttpRequest

from cdp_project.workspaces import audit, members
from cdp_project.workspaces.admin.person_form import PersonForm
from cdp_project.workspaces.audit import actor_of
from cdp_project.workspaces.models import Membership, Role, Workspace
from cdp_project.workspaces.on_off import BlockedFilter
from cdp_project.workspaces.plain_looks import PlainLooks
from cdp_project.workspaces.seat import seat_of
from cdp_project.workspaces.typed_admin import TypedAdmin, TypedModelForm

M = TypeVar("M", bound=Model)

# Roles are those of memberships; Django's own groups and permissions are not used.
admin.site.unregister(Group)
admin.site.unregister(User)


def _is_operator(request: HttpRequest) -> bool:
    return bool(request.user.is_active and request.user.is_superuser and seat_of(request) is None)


class OperatorOnly:
    """Permissions of installation pages: the operator alone. Nothing is deleted there."""

    def get_queryset(self, request: HttpRequest) -> Any:
        """Nothing for others: Django's page of changes would tell by its answer which numbers exist."""
        rows = super().get_queryset(request)  # type: ignore[misc]
        return rows if _is_operator(request) else rows.none()

    def has_view_permission(self, request: HttpRequest, obj: Any = None) -> bool:  # noqa: ARG002 - Django's
        return _is_operator(request)

    def has_add_permission(self, request: HttpRequest) -> bool:
        return _is_operator(request)

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:  # noqa: ARG002
        return _is_operator(request)

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:  # noqa: ARG002
        return False

    def has_module_permission(self, request: HttpRequest) -> bool:
        return _is_operator(request)


@admin.register(User)
class PersonAdmin(OperatorOnly, PlainLooks, UserAdmin):  # type: ignore[type-arg]
    """Who can sign in. Somebody who leaves is made inactive: the audit log speaks of them."""

    form = PersonForm
    add_form = UserCreationForm
    add_fieldsets = ((None, {"fields": ("username", "password1", "password2")}),)
    fieldsets = (
        (None, {"fields": ("username", "password")}),
        ("Person", {"fields": ("first_name", "last_name", "email")}),
        ("Access", {"fields": ("is_active", "is_superuser")}),
    )
    list_display = ("username", "email", "state", "last_login")
    list_filter = (("is_active", BlockedFilter),)
    filter_horizontal = ()

    @admin.display(description="State")
    def state(self, person: User) -> str:
        if not person.is_active:
            return "Blocked"
        return "Operator" if person.is_superuser else "Active"

    def formfield_for_dbfield(self, db_field: Any, request: HttpRequest, **kwargs: Any) -> Any:
        if db_field.name == "is_superuser":
            kwargs |= {
                "label": "Operator of the installation",
                "help_text": "Adds users and workspaces. Sees a workspace only as its member.",
            }
        return super().formfield_for_dbfield(db_field, request, **kwargs)


class WorkspaceForm(TypedModelForm[Workspace]):
    """Name and address of a workspace."""

    class Meta:
        model = Workspace
        fields = ["name", "slug"]
        help_texts = {"slug": "Part of every address of the workspace, as in /w/demo/. Changing it breaks links."}


@admin.register(Workspace)
class WorkspaceAdmin(OperatorOnly, PlainLooks, TypedAdmin[Workspace]):
    """Who makes a workspace is its first admin."""

    form = WorkspaceForm
    list_display = ["name", "slug", "created_at"]
    search_fields = ["name", "slug"]

    def save_model(self, request: HttpRequest, obj: Workspace, form: Any, change: bool) -> None:
        with transaction.atomic():
            with audit.changing(actor_of(request), obj):
                super().save_model(request, obj, form, change)
            if not change:
                members.save(
                    actor_of(request), Membership(workspace=obj, user=cast("User", request.user), role=Role.ADMIN)
                )
