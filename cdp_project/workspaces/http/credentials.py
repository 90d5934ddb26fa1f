"""API credentials over HTTP (Bearer): listed, issued with the secret shown once, changed, revoked."""

from typing import Any

import django_filters
from django.db.models import QuerySet
from rest_framework import serializers

from cdp_project.kernel import clock
from cdp_project.workspaces import credentials
from cdp_project.workspaces.endpoint import Asked
from cdp_project.workspaces.filters import FlagFilter, TextFilter
from cdp_project.workspaces.http.role_words import RoleField, RoleFilter, refuse_more
from cdp_project.workspaces.models import ApiCredential, Role
from cdp_project.workspaces.reading import Body
from cdp_project.workspaces.resource_rows import saved
from cdp_project.workspaces.resources import ResourceView, changing, creating, deleting, listing, showing


class CredentialSerializer(serializers.Serializer[Any]):
    """Client credentials of this API. Their secret was shown when they were issued."""

    id = serializers.IntegerField()
    name = serializers.CharField()
    client_id = serializers.CharField()
    role = RoleField()
    created_at = serializers.DateTimeField()
    revoked_at = serializers.DateTimeField(allow_null=True)


class NewCredentialSerializer(CredentialSerializer):
    """Credentials that were just issued, with their secret, which is shown this once."""

    shown_once = frozenset({"client_secret"})
    client_secret = serializers.CharField(source="issued_secret")


class CredentialBody(Body):
    """What it is called, and what it may do."""

    name = serializers.CharField(max_length=100)
    role = RoleField(help_text="Not above your own.")


class CredentialFilters(django_filters.FilterSet):  # type: ignore[misc]
    """All that are given have to fit."""

    role = RoleFilter()
    is_revoked = FlagFilter("revoked_at", lookup_expr="isnull", exclude=True)
    client_id = TextFilter()


class _Credentials(ResourceView):
    def rows(self, asked: Asked, **_path: str) -> QuerySet[ApiCredential]:
        return ApiCredential.objects.filter(workspace=asked.workspace)


class CredentialsView(_Credentials):
    """The credentials of a workspace."""

    @listing("listCredentials", CredentialSerializer, CredentialFilters, role=Role.ADMIN)
    def get(self, asked: Asked) -> QuerySet[ApiCredential]:
        """Credentials of programs, revoked ones too; never their secrets."""
        return self.rows(asked)

    @creating("issueCredential", NewCredentialSerializer, CredentialBody, role=Role.ADMIN)
    def post(self, asked: Asked) -> ApiCredential:
        """Issue credentials. The secret is in this answer and never again."""
        refuse_more(asked, asked.data["role"])
        made = ApiCredential(workspace=asked.workspace, **asked.data)
        made.issued_secret = credentials.issue(asked.actor, made)
        return made


class CredentialView(_Credentials):
    """One credential."""

    @showing("readCredential", CredentialSerializer, role=Role.ADMIN)
    def get(self, asked: Asked, row: ApiCredential) -> ApiCredential:  # noqa: ARG002 - as every handler
        """One credential, without its secret."""
        return row

    @changing("changeCredential", CredentialSerializer, CredentialBody, role=Role.ADMIN)
    def patch(self, asked: Asked, row: ApiCredential) -> ApiCredential:
        """Give it another name or role. Tokens that it was exchanged for follow at once."""
        refuse_more(asked, asked.data.get("role", Role.VIEWER))
        return saved(asked.actor, row, asked.data)

    @deleting("revokeCredential", CredentialSerializer, role=Role.ADMIN)
    def delete(self, asked: Asked, row: ApiCredential) -> None:
        """Revoke it with all its tokens, at once. It stays in the list, as the audit log speaks of it."""
        credentials.revoke(asked.actor, row, clock.now())
