"""API credentials of a workspace: their secret is shown once, and revoking ends them with all their tokens."""

from typing import Any

from django.contrib import admin
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import redirect
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse

from cdp_project.kernel import clock
from cdp_project.workspaces import credentials, shown_once
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
        views = {"revoke": self.revoke_view, "issued": self.issued_view}
        own = [
            path(f"<int:object_id>/{word}/", self.admin_site.admin_view(view), name=f"workspaces_apicredential_{word}")
            for word, view in views.items()
        ]
        return [*own, *super().get_urls()]

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
        values = [("Client id", obj.client_id), ("Client secret", str(obj.issued_secret))]
        shown_once.keep(request, _about(obj.pk), values)
        return redirect("admin:workspaces_apicredential_issued", obj.pk)

    def issued_view(self, request: HttpRequest, object_id: int) -> HttpResponse:
        """The new credentials, once; afterwards the list."""
        credential = access_object(request, _workspace_id(request), ApiCredential, object_id, self.change_role)
        values = shown_once.take(request, _about(object_id))
        if values is None:
            return redirect("admin:workspaces_apicredential_changelist")
        context = {
            **self.admin_site.each_context(request),
            "opts": self.opts,
            "original": credential,
            "title": f"New credentials: {credential.name}",
            "values": values,
            "usage": "Programs exchange them for a token with POST /oauth/token.",
            "back": reverse("admin:workspaces_apicredential_changelist"),
        }
        return TemplateResponse(request, "console/shown_once.html", context)

    def revoke_view(self, request: HttpRequest, object_id: int) -> HttpResponse | HttpResponseRedirect:
        """Asks first; POST revokes."""
        credential = access_object(request, _workspace_id(request), ApiCredential, object_id, self.change_role)
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


def _about(credential_id: int) -> str:
    return f"credential {credential_id}"


def _workspace_id(request: HttpRequest) -> int:
    seat = seat_of(request)
    return 0 if seat is None else seat.workspace.pk
