"""Inputs in the console, with a page for the keys of each."""

from typing import Any

from django.contrib import admin
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import URLPattern, path

from cdp_project.workspaces.models import Role
from cdp_project.workspaces.on_off import OnOffFilter
from cdp_project.workspaces.scoped_admin import ScopedAdmin
from cdp_project.workspaces.scoped_form import ScopedForm
from events.inputs.waiting import what_waits
from events.key_pages import keys_page
from events.models import Input


class InputForm(ScopedForm[Input]):
    """What an input is and how much it may send."""

    class Meta:
        model = Input
        fields = [
            "kind",
            "platform",
            "name",
            "is_active",
            "protection",
            "batches_per_second_most",
            "acceleration_most",
        ]
        help_texts = {
            "kind": "A platform is an app or a site of yours; a feed is a server or another company's tool.",
            "platform": "A workspace has one input for each platform. A feed needs none.",
            "is_active": "An input that is off refuses what is sent to it.",
            "protection": "What its events may do to people's profiles.",
        }
        labels = {
            "is_active": "On",
            "protection": "Profile protection",
            "batches_per_second_most": "Batches a second",
            "acceleration_most": "Acceleration",
        }


@admin.register(Input)
class InputAdmin(ScopedAdmin[Input]):
    form = InputForm
    list_display = ["name", "kind", "platform", "state", "protection", "created_at"]
    list_filter = ["kind", ("is_active", OnOffFilter)]
    search_fields = ["name"]
    fieldsets = [
        (None, {"fields": ["name", "kind", "platform", "is_active"]}),
        ("Profiles", {"fields": ["protection"]}),
        ("Limits", {"fields": ["batches_per_second_most", "acceleration_most"]}),
    ]
    change_form_template = "admin/events/input/change_form.html"

    @admin.display(description="State", ordering="is_active")
    def state(self, source: Input) -> str:
        return "On" if source.is_active else "Off"

    def render_delete_form(self, request: HttpRequest, context: dict[str, Any]) -> Any:
        return super().render_delete_form(request, {**context, "what_waits": what_waits(context["object"])})

    def get_urls(self) -> list[URLPattern]:
        keys = path("<int:object_id>/keys/", self.admin_site.admin_view(self.keys_view), name="events_input_keys")
        return [keys, *super().get_urls()]

    def keys_view(self, request: HttpRequest, object_id: int) -> HttpResponse:
        return keys_page(self.admin_site, request, object_id)

    def response_post_save_add(self, request: HttpRequest, obj: Input) -> Any:
        # An input without a key receives nothing, so that is the next step.
        if self.has_role(request, Role.ADMIN):
            return redirect("admin:events_input_keys", obj.pk)
        return super().response_post_save_add(request, obj)
