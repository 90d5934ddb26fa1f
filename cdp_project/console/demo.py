"""The Demo workspace: a web platform and a server feed, both connected to a webhook that leads to the local sink."""

import re

from django.contrib.auth.models import AbstractBaseUser

from cdp_project.workspaces import audit
from cdp_project.workspaces.audit import Actor
from cdp_project.workspaces.models import AuditEntry, Membership, Role, Workspace
from connections.models import Connection, Output
from connections.outputs import save_settings
from events.intake.issuing import issue
from events.models import Input, InputKind, Platform

SLUG = "demo"
WEB_NAME, SERVER_NAME, SINK_NAME = "Web", "Server", "Local sink"
# The sink of this machine is let through by whoever runs it.
SINK_NETWORKS = ["127.0.0.1/32"]
SINK_URL = re.compile(r"http://127\.0\.0\.1:\d+/")


def make_demo(actor: Actor, admin: AbstractBaseUser, sink_url: str) -> Workspace:
    """Everything that the first event needs on its way. Call inside a transaction."""
    workspace = Workspace(slug=SLUG, name="Demo")
    _save(actor, workspace)
    _save(actor, Membership(workspace=workspace, user_id=admin.pk, role=Role.ADMIN))
    inputs = [web_input(actor, workspace), server_input(actor, workspace)]
    sink = Output(workspace=workspace, integration="webhook", name=SINK_NAME)
    with audit.changing(actor, sink):
        save_settings(sink, {"url": sink_url}, allow=SINK_NETWORKS)
    for each in inputs:
        issue(actor, each)
        _save(actor, Connection(workspace=workspace, input=each, output=sink))
    return workspace


def web_input(actor: Actor, workspace: Workspace) -> Input:
    """The workspace's web platform; made if it has none."""
    found = Input.objects.filter(workspace=workspace, kind=InputKind.PLATFORM, platform=Platform.WEB).first()
    return found or _made(
        actor, Input(workspace=workspace, kind=InputKind.PLATFORM, platform=Platform.WEB, name=WEB_NAME)
    )


def server_input(actor: Actor, workspace: Workspace) -> Input:
    """The workspace's first feed that is bound to no platform; made if it has none."""
    found = Input.objects.filter(workspace=workspace, kind=InputKind.FEED, platform=None).order_by("pk").first()
    return found or _made(actor, Input(workspace=workspace, kind=InputKind.FEED, name=SERVER_NAME))


def lead_to_sink(actor: Actor, workspace: Workspace, sink_url: str) -> None:
    """Follow the sink to the port that it has this time. Outputs that lead elsewhere are somebody's own.

    So are those that the actor did not make, wherever on this machine they lead.
    """
    made = AuditEntry.objects.filter(
        workspace=workspace, kind=Output._meta.verbose_name, action=audit.CREATED, actor_name=actor.name
    )
    own = {int(number) for number in made.values_list("object_id", flat=True)}
    for output in Output.objects.filter(workspace=workspace, integration="webhook", name=SINK_NAME, pk__in=own):
        url = str(output.settings.get("url", ""))
        if SINK_URL.fullmatch(url) and url != sink_url:
            with audit.changing(actor, output):
                save_settings(output, {**output.settings, "url": sink_url}, allow=SINK_NETWORKS)


def _made(actor: Actor, source: Input) -> Input:
    _save(actor, source)
    return source


def _save(actor: Actor, obj: Workspace | Membership | Input | Connection) -> None:
    with audit.changing(actor, obj):
        obj.save()
