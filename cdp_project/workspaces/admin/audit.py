"""The audit log, to be read."""

from typing import Any

from django.contrib import admin
from django.http import HttpRequest
from django.template.loader import render_to_string
from django.utils.safestring import SafeString

from cdp_project.workspaces.models import AuditEntry, Role
from cdp_project.workspaces.scoped_admin import ScopedAdmin


@admin.register(AuditEntry)
class AuditEntryAdmin(ScopedAdmin[AuditEntry]):
    view_role = Role.ADMIN
    list_display = ["at", "who", "what", "object_name"]
    list_filter = ["action", "kind"]
    search_fields = ["actor_name", "object_name"]
    fields = ["at", "who", "what", "object_name", "object_id", "changes"]
    readonly_fields = ["at", "who", "what", "object_name", "object_id", "changes"]

    @admin.display(description="Who", ordering="actor_name")
    def who(self, entry: AuditEntry) -> str:
        return entry.actor_name

    @admin.display(description="What", ordering="action")
    def what(self, entry: AuditEntry) -> str:
        return f"{entry.kind}: {entry.action}"

    @admin.display(description="Changes")
    def changes(self, entry: AuditEntry) -> SafeString:
        before, after = entry.before or {}, entry.after or {}
        rows = [(name, before.get(name), after.get(name)) for name in dict.fromkeys((*before, *after))]
        context = {"rows": rows, "had_before": entry.before is not None, "has_after": entry.after is not None}
        return SafeString(render_to_string("console/changes.html", context))

    def has_add_permission(self, request: HttpRequest) -> bool:  # noqa: ARG002 - Django's
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:  # noqa: ARG002
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:  # noqa: ARG002
        return False
