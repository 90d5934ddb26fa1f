"""Outputs and connections in the console."""

from typing import Any, cast

from django.contrib import admin
from django.core.exceptions import NON_FIELD_ERRORS
from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.utils.html import format_html_join
from django.utils.safestring import SafeString

from cdp_project.workspaces import audit
from cdp_project.workspaces.audit import actor_of
from cdp_project.workspaces.on_off import OnOffFilter
from cdp_project.workspaces.scoped_admin import ScopedAdmin
from cdp_project.workspaces.scoped_form import ScopedForm
from connections.deletion import waiting_events, warning
from connections.models import Connection, Output
from connections.output_form import OutputForm, form_for, setting_groups
from connections.outputs import save_settings
from connections.shown_settings import without_query
from directory.contracts import Field, FieldType, Kind
from directory.registry import INTEGRATIONS


@admin.register(Output)
class OutputAdmin(ScopedAdmin[Output]):
    list_display = ["name", "integration_name", "production", "development", "created_at"]
    list_filter = [("is_active_in_production", OnOffFilter), ("is_active_in_development", OnOffFilter)]
    search_fields = ["name"]

    @admin.display(description="Integration", ordering="integration")
    def integration_name(self, output: Output) -> str:
        found = INTEGRATIONS.get(output.integration)
        return output.integration if found is None else found.name

    @admin.display(description="Production", ordering="is_active_in_production")
    def production(self, output: Output) -> str:
        return "On" if output.is_active_in_production else "Off"

    @admin.display(description="Development", ordering="is_active_in_development")
    def development(self, output: Output) -> str:
        return "On" if output.is_active_in_development else "Off"

    @admin.display(description="Settings")
    def settings_shown(self, output: Output) -> SafeString:
        """For those who may only look: no secret is among them, nor what may be one within an address."""
        integration = INTEGRATIONS.get(output.integration)
        declared = {each.name: each for each in (integration.fields if integration else ())}
        pairs = (_plainly(declared[name], value) for name, value in output.settings.items() if name in declared)
        return format_html_join("", "<div>{}: {}</div>", pairs)

    def add_view(self, request: HttpRequest, form_url: str = "", extra_context: Any = None) -> HttpResponse:
        """Which integration comes first, where there are several."""
        if _chosen(request) is None:
            context = {
                **self.admin_site.each_context(request),
                "opts": self.opts,
                "title": "Add output",
                "integrations": _event_integrations(),
            }
            return TemplateResponse(request, "admin/connections/output/choose.html", context)
        return super().add_view(request, form_url, extra_context)

    def render_delete_form(self, request: HttpRequest, context: dict[str, Any]) -> Any:
        waiting = waiting_events(context["object"].connections.values_list("pk", flat=True))
        return super().render_delete_form(request, {**context, "what_waits": warning(waiting)})

    def get_form(self, request: HttpRequest, obj: Output | None = None, change: bool = False, **kwargs: Any) -> Any:
        if not self.has_change_permission(request, obj):
            return super().get_form(request, obj, change=change, **kwargs)
        key = _chosen(request) if obj is None else obj.integration
        form = form_for(key or next(iter(INTEGRATIONS)), obj)
        # The integration's fields stand in the form class already; Django is to make those of the model only.
        return super().get_form(
            request, obj, change=change, **{**kwargs, "form": form, "fields": OutputForm.Meta.fields}
        )

    def get_fieldsets(self, request: HttpRequest, obj: Output | None = None) -> Any:
        own = ["name", "is_active_in_production", "is_active_in_development"]
        if not self.has_change_permission(request, obj):
            return [(None, {"fields": [*own, "settings_shown"]})]
        key = _chosen(request) if obj is None else obj.integration
        groups = setting_groups(key or next(iter(INTEGRATIONS)), obj)
        return [(None, {"fields": own}), *((heading, {"fields": names}) for heading, names in groups.items())]

    def save_model(self, request: HttpRequest, obj: Output, form: Any, change: bool) -> None:  # noqa: ARG002
        checked = cast("OutputForm", form)
        with audit.changing(actor_of(request), obj):
            save_settings(obj, checked.settings, forget=checked.forgotten)


def _plainly(declared: Field, value: Any) -> tuple[str, str]:
    if declared.type is FieldType.URL:
        return declared.label, without_query(str(value))
    if declared.type is FieldType.SWITCH:
        return declared.label, "On" if value else "Off"
    return declared.label, dict(declared.choices).get(value, str(value))


def _event_integrations() -> list[Any]:
    return [each for each in INTEGRATIONS.values() if Kind.EVENT in each.kinds]


def _chosen(request: HttpRequest) -> str | None:
    """The integration that the address names, or the only one there is."""
    found = _event_integrations()
    asked = request.GET.get("integration", "")
    if asked in INTEGRATIONS:
        return asked
    return str(found[0].key) if len(found) == 1 else None


class ConnectionForm(ScopedForm[Connection]):
    """From which input to which output."""

    class Meta:
        model = Connection
        fields = ["input", "output", "is_active"]
        labels = {"is_active": "On"}
        error_messages = {
            NON_FIELD_ERRORS: {"unique_together": "This input sends to this output already: change that connection."}
        }


@admin.register(Connection)
class ConnectionAdmin(ScopedAdmin[Connection]):
    form = ConnectionForm
    list_display = ["__str__", "input", "output", "state", "created_at"]
    list_display_links = ["__str__"]
    list_select_related = ["input", "output"]
    list_filter = [
        ("input", admin.RelatedOnlyFieldListFilter),
        ("output", admin.RelatedOnlyFieldListFilter),
        ("is_active", OnOffFilter),
    ]
    search_fields = ["input__name", "output__name"]

    def render_delete_form(self, request: HttpRequest, context: dict[str, Any]) -> Any:
        waiting = waiting_events([context["object"].pk])
        return super().render_delete_form(request, {**context, "what_waits": warning(waiting)})

    @admin.display(description="State", ordering="is_active")
    def state(self, connection: Connection) -> str:
        return "On" if connection.is_active else "Off"
