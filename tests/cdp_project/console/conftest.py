"""Two shops, each with one of everything that the console shows."""

from collections.abc import Callable
from dataclasses import dataclass

import pytest
from django.test import Client

from cdp_project.workspaces import audit, credentials
from cdp_project.workspaces.audit import Actor
from cdp_project.workspaces.models import ApiCredential, AuditEntry, Membership, Role, Workspace
from connections.models import Connection, Output
from connections.outputs import save_settings
from events.intake.issuing import issue
from events.models import Input
from tests import factories

ACTOR = Actor("test")


@dataclass
class Furnished:
    """A workspace with one of everything."""

    workspace: Workspace
    feed: Input
    output: Output
    connection: Connection
    credential: ApiCredential

    def url(self, rest: str, environment: str = "production") -> str:
        return f"/w/{self.workspace.slug}/{environment}/admin/{rest}"

    @property
    def objects(self) -> dict[str, int]:
        """Address of each model's pages with the number of an object."""
        return {
            "events/input": self.feed.pk,
            "connections/output": self.output.pk,
            "connections/connection": self.connection.pk,
            "workspaces/membership": Membership.objects.filter(workspace=self.workspace)[0].pk,
            "workspaces/apicredential": self.credential.pk,
            "workspaces/auditentry": AuditEntry.objects.filter(workspace=self.workspace)[0].pk,
        }


def furnish(name: str) -> Furnished:
    """The name is in every name, so that a leak is seen."""
    workspace = factories.workspace(name=name)
    feed = factories.feed(workspace, f"{name} feed")
    output = Output(workspace=workspace, integration="webhook", name=f"{name} hook")
    save_settings(output, {"url": "https://hooks.example.com/", "authorization": f"{name} token"})
    connection = factories.connection(feed, output)
    credential = ApiCredential(workspace=workspace, name=f"{name} script", role=Role.ADMIN)
    credentials.issue(ACTOR, credential)
    issue(ACTOR, feed)
    audit.record(ACTOR, "tested", feed, None, {"by": name})
    return Furnished(workspace, feed, output, connection, credential)


@pytest.fixture
def larder(db: None) -> Furnished:
    return furnish("Larder")


@pytest.fixture
def vault(db: None) -> Furnished:
    """The neighbour, of whom nothing may be seen."""
    shop = furnish("Vault")
    factories.member(shop.workspace)
    return shop


@pytest.fixture
def sign_in(client: Client) -> Callable[..., Client]:
    """A browser of a member with the role."""

    def signed_in(shop: Furnished, role: Role = Role.ADMIN, *, operator: bool = False) -> Client:
        client.force_login(factories.member(shop.workspace, role, operator=operator))
        return client

    return signed_in
