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
ENTER_AGAIN = "Enter it again: what is secret is never sent back to this page."
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

    def full_clean(self) -> None:
        """A refused form is shown again without the secrets typed into it; so that nobody misses that, it is said."""
        super().full_clean()
        if not self.errors:
            return
        for declared in self.integration.fields:
            name = SETTING + declared.name
            if declared.is_secret and self.cleaned_data.get(name):
                self.add_error(name, ENTER_AGAIN)

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


def form_for(key: str, output: Output | None) -> type[OutputForm]:
    """The form of a new output of the integration, or of the one that exists."""
    integration = INTEGRATIONS[key]
    return type("IntegrationForm", (OutputForm,), {**_setting_fields(integration, output), "integration": integration})


def setting_groups(key: str, output: Output | None) -> dict[str, list[str]]:
    """Names of the fields that the integration brings, in order, by the heading that they stand under."""
    integration = INTEGRATIONS[key]
    groups = {prefix + each.name: each.group for each in integration.fields for prefix in (SETTING, FORGET)}
    found: dict[str, list[str]] = {}
    for name in _setting_fields(integration, output):
        found.setdefault(groups[name] or integration.name, []).append(name)
    return found


def _setting_fields(integration: Integration, output: Output | None) -> dict[str, forms.Field]:
    """One for each declared setting; after a stored secret a box that forgets it."""
    stored = _stored_names(output)
    fields: dict[str, forms.Field] = {}
    for each in integration.fields:
        field = fields[SETTING + each.name] = _form_field(each, is_stored=each.name in stored)
        if each.name in stored:
            field.widget.attrs["placeholder"] = STORED
        if each.name in stored and not each.is_required:
            label = f"Forget the stored {each.label[:1].lower()}{each.label[1:]}"
            fields[FORGET + each.name] = forms.BooleanField(label=label, required=False)
    return fields


def _stored_names(output: Output | None) -> set[str]:
    try:
        return set() if output is None else set(secrets_of(output.secrets_encrypted))
    except SecretUnreadable:
        # Said when somebody saves.
        return set()


def _form_field(declared: Field, *, is_stored: bool) -> forms.Field:
    common: dict[str, Any] = {
        "label": declared.label,
        "help_text": declared.help,
        # A switch that is off is an answer, too.
        "required": declared.is_required and not is_stored and declared.type is not FieldType.SWITCH,
        "error_messages": {"required": f"{declared.label} is required."},
    }
    if declared.is_secret:
        return forms.CharField(widget=forms.PasswordInput(attrs={"autocomplete": "off"}), **common)
    match declared.type:
        case FieldType.SWITCH:
            return forms.BooleanField(**common)
        case FieldType.NUMBER:
            return forms.FloatField(**common)
        case FieldType.CHOICE:
            return forms.ChoiceField(choices=declared.choices, **common)
        case FieldType.LINES:
            return forms.CharField(widget=forms.Textarea(attrs={"rows": 3}), **common)
        case FieldType.TEXT | FieldType.URL:
            # Plain text for addresses too: the integration's own check has the better sentences.
            return forms.CharField(**common)
