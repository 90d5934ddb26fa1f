"""The form of an output: its fields are those that the integration declares; stored secrets are never shown."""

from typing import Any

from django import forms

from cdp_project.kernel.secretbox import SecretUnreadable
from cdp_project.workspaces.scoped_form import ScopedForm
from connections.models import Output
from connections.outputs import problems_with, secrets_of
from directory.contracts import Field, FieldType, Integration
from directory.registry import INTEGRATIONS

SETTING, FORGET = "setting_", "forget_"
STORED = "Stored. Leave empty to keep it."
UNREADABLE = "The stored secrets cannot be read with the keys in CDP_ENCRYPTION_KEYS: put the former key back there."


class OutputForm(ScopedForm[Output]):
    """Name and switches; `form_for` adds the fields of the integration."""

    integration: Integration

    class Meta:
        model = Output
        fields = ["name", "is_active_in_production", "is_active_in_development"]
        labels = {"is_active_in_production": "On in production", "is_active_in_development": "On in development"}

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.instance.integration = self.integration.key
        for declared in self.integration.fields:
            field = self.fields[SETTING + declared.name]
            if not declared.is_secret:
                field.initial = self.instance.settings.get(declared.name, declared.default)
        self._mark_stored_secrets()

    def _mark_stored_secrets(self) -> None:
        try:
            stored = secrets_of(self.instance.secrets_encrypted)
        except SecretUnreadable:
            stored = {}
        for declared in self.integration.fields:
            if declared.is_secret and declared.name in stored:
                self.fields[SETTING + declared.name].widget.attrs["placeholder"] = STORED
            elif declared.is_secret:
                self.fields.pop(FORGET + declared.name, None)

    def clean(self) -> dict[str, Any]:
        found: dict[str, Any] = super().clean() or {}
        try:
            problems = problems_with(self.instance, self.settings, forget=self.forgotten)
        except SecretUnreadable:
            self.add_error(None, UNREADABLE)
            return found
        for problem in problems:
            name = SETTING + problem.field
            if not self.has_error(name):
                self.add_error(name, problem.message)
        return found

    @property
    def settings(self) -> dict[str, Any]:
        """Values by the integration's own names."""
        return {each.name: self.cleaned_data.get(SETTING + each.name) for each in self.integration.fields}

    @property
    def forgotten(self) -> set[str]:
        """Stored secrets that are to go."""
        return {each.name for each in self.integration.fields if self.cleaned_data.get(FORGET + each.name)}


def form_for(key: str) -> type[OutputForm]:
    """The form of one integration's outputs."""
    integration = INTEGRATIONS[key]
    fields: dict[str, Any] = {SETTING + each.name: _form_field(each) for each in integration.fields}
    for each in integration.fields:
        if each.is_secret and not each.is_required:
            fields[FORGET + each.name] = forms.BooleanField(
                label=f"Forget the stored {_lower(each.label)}", required=False
            )
    return type("IntegrationForm", (OutputForm,), {**fields, "integration": integration})


def setting_names(key: str) -> list[str]:
    """Names of the form's own fields, each secret followed by the box that forgets it."""
    return [
        name
        for each in INTEGRATIONS[key].fields
        for name in (SETTING + each.name, *((FORGET + each.name,) if each.is_secret and not each.is_required else ()))
    ]


def _form_field(declared: Field) -> forms.Field:
    # What is required is decided with the stored secrets in mind, in clean().
    common: dict[str, Any] = {"label": declared.label, "help_text": declared.help, "required": False}
    if declared.is_secret:
        return forms.CharField(widget=forms.PasswordInput(attrs={"autocomplete": "off"}), **common)
    match declared.type:
        case FieldType.SWITCH:
            return forms.BooleanField(**common)
        case FieldType.NUMBER:
            return forms.FloatField(**common)
        case FieldType.CHOICE:
            return forms.ChoiceField(choices=declared.choices, **common)
        case FieldType.TEXT | FieldType.URL:
            # Plain text for addresses too: the integration's own check has the better sentences.
            return forms.CharField(**common)


def _lower(label: str) -> str:
    return label[:1].lower() + label[1:]
