"""Fresh credentials for scripts: a client of the API, a web key, a server key of one workspace; or the operator's."""

from dataclasses import dataclass

from django.db import transaction

from cdp_project.console import demo
from cdp_project.console.addresses import base_url
from cdp_project.kernel import clock
from cdp_project.workspaces import credentials
from cdp_project.workspaces.audit import Actor
from cdp_project.workspaces.models import ApiCredential, Role, Workspace
from events.intake.issuing import issue

ACTOR = Actor("manage.py credentials")


@dataclass(frozen=True, slots=True)
class FreshCredentials:
    """Every secret is shown this once."""

    base_url: str
    workspace_id: int
    client_id: str
    client_secret: str
    web_key: str
    server_key: str
    server_secret: str


@dataclass(frozen=True, slots=True)
class InstallationCredentials:
    """Those that list and make workspaces. The secret is shown this once."""

    base_url: str
    client_id: str
    client_secret: str


def make_for_installation() -> InstallationCredentials:
    """New ones; earlier ones go on working."""
    credential, client_secret = credentials.issue_for_installation(f"Installation {clock.now():%Y-%m-%d %H:%M}")
    return InstallationCredentials(base_url(), credential.client_id, client_secret)


@transaction.atomic
def make(workspace: Workspace) -> FreshCredentials:
    """New ones, all of them; earlier ones go on working. Inputs that are missing are made."""
    credential = ApiCredential(workspace=workspace, name=f"Script {clock.now():%Y-%m-%d %H:%M}", role=Role.ADMIN)
    client_secret = credentials.issue(ACTOR, credential)
    web = issue(ACTOR, demo.web_input(ACTOR, workspace))
    server = issue(ACTOR, demo.server_input(ACTOR, workspace))
    return FreshCredentials(
        base_url(), workspace.pk, credential.client_id, client_secret, web.key, server.key, server.secret
    )
