"""Workspaces over HTTP (Bearer). Their list and making them stand outside every workspace.

A credential of the installation lists and makes workspaces and sees nothing inside any; all others see their own.
"""

from django.db.models import QuerySet
from rest_framework import serializers
from rest_framework.request import Request

from cdp_project.kernel.errors import Refusal
from cdp_project.workspaces import credentials
from cdp_project.workspaces.endpoint import Asked
from cdp_project.workspaces.http.credentials import NewCredentialSerializer
from cdp_project.workspaces.models import ApiCredential, Role, Workspace
from cdp_project.workspaces.reading import Body
from cdp_project.workspaces.resource_rows import saved
from cdp_project.workspaces.resources import ResourceView, changing, creating, listing, showing

FIRST_CREDENTIAL = "First credential"


class WorkspaceSerializer(serializers.ModelSerializer[Workspace]):
    """A workspace. Organisation and account stand in paths of compatible APIs."""

    class Meta:
        model = Workspace
        fields = ["id", "slug", "name", "organisation_id", "account_id", "created_at"]
        read_only_fields = fields


class NewWorkspaceSerializer(WorkspaceSerializer):
    """A workspace that was just made, with an Admin credential of it, whose secret is shown this once."""

    shown_once = frozenset({"credential"})
    credential = NewCredentialSerializer(source="issued_credential")

    class Meta(WorkspaceSerializer.Meta):
        fields = [*WorkspaceSerializer.Meta.fields, "credential"]
        read_only_fields = fields


class NewWorkspaceBody(Body):
    """What a workspace is made of."""

    slug = serializers.SlugField(max_length=50, help_text="Part of every address of its console, as in /w/demo/.")
    name = serializers.CharField(max_length=100)


class WorkspaceBody(Body):
    """What its admins change. The operator changes the slug, in the console: links break by it."""

    name = serializers.CharField(max_length=100)


def own_place(request: Request, _workspace_id: str | None) -> Workspace | None:
    """The gate of whoever has a token; the credential's own workspace, None for the installation's."""
    credential = request.auth
    return credential.workspace if isinstance(credential, ApiCredential) else None


def installation(request: Request, workspace_id: str | None) -> None:
    """The gate of the installation's credentials. Raises Refusal 403."""
    if own_place(request, workspace_id) is not None:
        told = "Only a credential of the installation makes workspaces; `manage.py credentials --installation` is one."
        raise Refusal(403, "installation_only", told)


class WorkspacesView(ResourceView):
    """The workspaces that the caller may see."""

    @listing("listWorkspaces", WorkspaceSerializer, gate=own_place)
    def get(self, asked: Asked) -> QuerySet[Workspace]:
        """Your own workspace; all there are for a credential of the installation."""
        rows = Workspace.objects.all()
        return rows if asked.place is None else rows.filter(pk=asked.place.pk)

    @creating("createWorkspace", NewWorkspaceSerializer, NewWorkspaceBody, role=Role.ADMIN, gate=installation)
    def post(self, asked: Asked) -> Workspace:
        """Make a workspace, for credentials of the installation. The answer has an Admin credential of it, once."""
        made = saved(asked.actor, Workspace(), asked.data)
        credential = ApiCredential(workspace=made, name=FIRST_CREDENTIAL, role=Role.ADMIN)
        credential.issued_secret = credentials.issue(asked.actor, credential)
        made.issued_credential = credential
        return made


class WorkspaceView(ResourceView):
    """One workspace."""

    def rows(self, asked: Asked, **_path: str) -> QuerySet[Workspace]:
        return Workspace.objects.filter(pk=asked.workspace.pk)

    @showing("readWorkspace", WorkspaceSerializer)
    def get(self, asked: Asked, row: Workspace) -> Workspace:  # noqa: ARG002 - as every handler
        """The workspace."""
        return row

    @changing("changeWorkspace", WorkspaceSerializer, WorkspaceBody, role=Role.ADMIN)
    def patch(self, asked: Asked, row: Workspace) -> Workspace:
        """Give it another name."""
        return saved(asked.actor, row, asked.data)
