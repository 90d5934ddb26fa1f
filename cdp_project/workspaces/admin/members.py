"""Members of a workspace. People are named by typing their user name: others' names are not listed."""

from typing import Any

from django import forms
from django.contrib import admin
from django.http import HttpRequest

from cdp_project.workspaces import members
from cdp_project.workspaces.audit import actor_of
from cdp_project.workspaces.members import NotOnePerson
from cdp_project.workspaces.models import Membership, Role
from cdp_project.workspaces.scoped_admin import ScopedAdmin
from cdp_project.workspaces.scoped_form import ScopedForm


class MemberForm(ScopedForm[Membership]):
    """Role, and on adding the user's name."""

    username = forms.CharField(
        label="User name", max_length=150, help_text="Somebody who can sign in already. The operator adds new users."
    )

    class Meta:
        model = Membership
        fields = ["role"]

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if self.instance.pk is not None:
            # A membership is about one person; for another one there is another.
            self.fields.pop("username", None)

    def clean_username(self) -> str:
        name: str = self.cleaned_data["username"]
        try:
            self.instance.user = members.newcomer(self.workspace, username=name)
        except NotOnePerson as error:
            raise forms.ValidationError(str(error)) from None
        return name

    def clean_role(self) -> int:
        role: int = self.cleaned_data["role"]
        if self.instance.pk is not None and role != Role.ADMIN and members.is_last_admin(self.instance):
            raise forms.ValidationError(members.LAST_ADMIN)
        return role


@admin.register(Membership)
class MembershipAdmin(ScopedAdmin[Membership]):
    form = MemberForm
    view_role = change_role = Role.ADMIN
    list_display = ["user", "role", "created_at"]
    list_select_related = ["user"]
    search_fields = ["user__username"]

    def get_fields(self, request: HttpRequest, obj: Membership | None = None) -> Any:  # noqa: ARG002 - Django's
        return ["username", "role"] if obj is None else ["role"]

    def has_delete_permission(self, request: HttpRequest, obj: Membership | None = None) -> bool:
        allowed = super().has_delete_permission(request, obj)
        return allowed and not (obj is not None and members.is_last_admin(obj))

    def save_model(self, request: HttpRequest, obj: Membership, form: Any, change: bool) -> None:  # noqa: ARG002
        members.save(actor_of(request), obj)

    def delete_model(self, request: HttpRequest, obj: Membership) -> None:
        members.remove(actor_of(request), obj)
