"""The audit log over HTTP (Bearer), to be read by admins."""

from typing import Any

from django.db.models import QuerySet
from rest_framework import serializers

from cdp_project.workspaces.endpoint import Asked
from cdp_project.workspaces.filters import MomentFilter, TextFilter, filters_named
from cdp_project.workspaces.models import AuditEntry, Role
from cdp_project.workspaces.resources import ResourceView, listing, showing

AuditFilters = filters_named(
    "AuditFilters",
    **{
        "actor": TextFilter("actor_name", help_text="A user name, or `API credential` with its name."),
        "action": TextFilter(help_text="Such as created, changed, deleted, retried."),
        "kind": TextFilter(help_text="Such as input, output, connection, member."),
        "object_id": TextFilter(),
        "from": MomentFilter("at", lookup_expr="gte"),
        "to": MomentFilter("at", lookup_expr="lte"),
    },
)


class AuditEntrySerializer(serializers.Serializer[Any]):
    """One change: who, what, and how it was and is. Secrets are masked."""

    id = serializers.IntegerField()
    at = serializers.DateTimeField()
    actor = serializers.CharField(source="actor_name")
    action = serializers.CharField()
    kind = serializers.CharField()
    object_id = serializers.CharField()
    object_name = serializers.CharField()
    before = serializers.DictField(allow_null=True, help_text="null when it was made.")
    after = serializers.DictField(allow_null=True, help_text="null when it was deleted.")


class _AuditLog(ResourceView):
    def rows(self, asked: Asked, **_path: str) -> QuerySet[AuditEntry]:
        return AuditEntry.objects.filter(workspace=asked.workspace)


class AuditLogView(_AuditLog):
    """The audit log of a workspace."""

    @listing("listAuditLog", AuditEntrySerializer, AuditFilters, role=Role.ADMIN, newest_first=True)
    def get(self, asked: Asked) -> QuerySet[AuditEntry]:
        """Who changed what, the latest first."""
        return self.rows(asked)


class AuditEntryView(_AuditLog):
    """One entry."""

    @showing("readAuditEntry", AuditEntrySerializer, role=Role.ADMIN)
    def get(self, asked: Asked, row: AuditEntry) -> AuditEntry:  # noqa: ARG002 - as every handler
        """One entry of the audit log."""
        return row
