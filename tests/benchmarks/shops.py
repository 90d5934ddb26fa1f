"""What a cell sends to: a workspace of its own with a feed, a key, and perhaps outputs that lead to the sink."""

import secrets
from dataclasses import dataclass

from django.utils.crypto import get_random_string

from cdp_project.kernel import clock
from cdp_project.workspaces import credentials, tokens
from cdp_project.workspaces.audit import Actor
from cdp_project.workspaces.models import ApiCredential, Role, Workspace
from connections.models import Connection, Output
from connections.outputs import save_settings
from events.intake.issuing import IssuedKey, issue_key
from events.models import Input
from tests import factories


@dataclass(frozen=True)
class Place:
    """One input of one workspace, with a key of its own."""

    source: Input
    key: IssuedKey

    @property
    def workspace(self) -> Workspace:
        return self.source.workspace


def place() -> Place:
    """A new one."""
    source = factories.feed(factories.workspace(f"bench-{get_random_string(10).lower()}"))
    return Place(source, issue_key(source, clock.now()))


def webhook(source: Input, url: str) -> Connection:
    """Every event of the input goes to the address, one request each."""
    output = Output(workspace=source.workspace, integration="webhook", name=f"Bench {secrets.token_hex(4)}")
    save_settings(output, {"url": url, "send": "event"})
    return factories.connection(source, output)


def token(workspace: Workspace) -> str:
    """A bearer token that may read the workspace."""
    credential = ApiCredential(workspace=workspace, name="Bench", role=Role.VIEWER)
    credentials.issue(Actor("bench"), credential)
    return tokens.issue(credential, clock.now())
