"""The form of somebody who can sign in: nothing of the password is shown, and no workspace loses its last admin."""

from typing import TYPE_CHECKING, Any

from django import forms
from django.contrib.auth.forms import ReadOnlyPasswordHashField, ReadOnlyPasswordHashWidget, UserChangeForm
from django.contrib.auth.models import User

from cdp_project.workspaces import members

if TYPE_CHECKING:
    _UserChangeForm = UserChangeForm[User]
else:
    _UserChangeForm = UserChangeForm


class PasswordState(ReadOnlyPasswordHashWidget):
    """Says whether there is a password, and leads to where it is set."""

    def get_context(self, name: str, value: Any, attrs: dict[str, Any] | None) -> dict[str, Any]:
        context = super().get_context(name, value, attrs)
        is_set = User(password=value or "").has_usable_password() and bool(value)
        label = "A password is set." if is_set else "No password is set."
        return {**context, "summary": [{"label": label}], "button_label": "Set another" if is_set else "Set one"}


class PersonForm(_UserChangeForm):
    """As Django's, with the house's rule about admins."""

    password = ReadOnlyPasswordHashField(label="Password", widget=PasswordState, help_text="It is stored as a digest.")

    def clean_is_active(self) -> bool:
        is_active: bool = self.cleaned_data["is_active"]
        left = [] if is_active or self.instance.pk is None else members.left_without_admin(self.instance.pk)
        if left:
            names = ", ".join(workspace.name for workspace in left)
            raise forms.ValidationError(f"Nobody else is an admin of {names}: make somebody an admin there first.")
        return is_active
