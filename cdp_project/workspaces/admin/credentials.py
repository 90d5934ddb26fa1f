"""API credentials of a workspace: their secret is shown once, and revoking ends them with all their tokens."""

from typing import Any

from django.contrib import admin
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import redirect
from django.template.response import TemplateResponse
from django.urls import URLPattern, path

from cdp_project.kernel import clock
from cdp_project.workspaces import credentials
from cdp_project.workspaces.access import access_object
from cdp_project.workspaces.audit import actor_of
from cdp_project.workspaces.models import ApiCredential, Role
from cdp_project.workspaces.scoped_admin import ScopedAdmin
from cdp_project.workspaces.seat import seat_of


@admin.register(ApiCredential)
class ApiCredentialAdmin(ScopedAdmin[ApiCredential]):
    view_role = change_role = Role.ADMIN
    list_display = ["name", "client_id", "role", "state", "created_at"]
    search_fields = ["name", "client_id"]
    change_form_template = "admin/workspaces/apicredential/change_form.html"

    @admin.display(description="State")
    def state(self, credential: ApiCredential) -> str:
        return "Active" if credential.revoked_at is None else f"Revoked {credential.revoked_at:%Y-%m-%d %H:%M} UTC"

    def get_fields(self, request: HttpRequest, obj: ApiCredential | None = None) -> Any:  # noqa: ARG002 - Django's
        return ["name", "role"] if obj is None else ["name", "client_id", "role", "state"]

    def get_readonly_fields(self, request: HttpRequest, obj: ApiCredential | None = None) -> list[str]:  # noqa: ARG002
        return [] if obj is None else ["client_id", "state"]

    def has_delete_permission(self, request: HttpRequest, obj: ApiCredential | None = None) -> bool:  # noqa: ARG002
        # Revoked ones stay: the audit log speaks of them.
        return False

    def get_urls(self) -> list[URLPattern]:
        revoke = path(
            "<int:object_id>/revoke/",
            self.admin_site.admin_view(self.revoke_view),
            name="workspaces_apicredential_revoke",
        )
        return [revoke, *super().get_urls()]

    def save_model(self, request: HttpRequest, obj: ApiCredential, form: Any, change: bool) -> None:
        if change:
            super().save_model(request, obj, form, change)
        else:
            obj.issued_secret = credentials.issue(actor_of(request), obj)

    def response_add(
        self,
        request: HttpRequest,
        obj: ApiCredential,
        post_url_continue: str | None = None,  # noqa: ARG002 - Django's
    ) -> HttpResponse:
        context = {
            **self.admin_site.each_context(request),
            "opts": self.opts,
            "original": obj,
            "title": f"New credentials: {obj.name}",
            "values": [("Client id", obj.client_id), ("Client secret", obj.issued_secret)],
            "usage": "Programs exchange them for a token with POST /oauth/token.",
            "back": "../",
        }
        return TemplateResponse(request, "console/shown_once.html", context)

    def revoke_view(self, request: HttpRequest, object_id: int) -> HttpResponse | HttpResponseRedirect:
        """Asks first; POST revokes."""
        seat = seat_of(request)
        workspace_id = 0 if seat is None else seat.workspace.pk
        credential = access_object(request, workspace_id, ApiCredential, object_id, self.change_role)
        if request.method == "POST":
            credentials.revoke(actor_of(request), credential, clock.now())
            self.message_user(request, f"{credential.name} is revoked: its tokens work no more.")
            return redirect("admin:workspaces_apicredential_changelist")
        context = {
            **self.admin_site.each_context(request),
            "opts": self.opts,
            "original": credential,
            "title": f"Revoke {credential.name}?",
            "sentence": "Programs that use it are refused from now on. This cannot be undone; new ones can be issued.",
            "button": "Revoke",
        }
        return TemplateResponse(request, "console/confirm.html", context)
