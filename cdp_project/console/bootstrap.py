"""What a first start makes, so that two minutes after cloning an event can be sent and seen.

Idempotent: a later start makes nothing, and tells again what may be told.
"""

import os
from dataclasses import dataclass

from django.contrib.auth import get_user_model
from django.contrib.auth.models import User
from django.db import transaction

from cdp_project.console import demo
from cdp_project.console.addresses import base_url
from cdp_project.console.samples import curl_line, sdk_snippet
from cdp_project.kernel import secretbox
from cdp_project.kernel.secretbox import SecretUnreadable
from cdp_project.workspaces.audit import Actor
from cdp_project.workspaces.environment import Environment
from cdp_project.workspaces.models import Workspace
from events.intake.issuing import IssuedKey, issue
from events.models import Input, InputKey, InputKind

USERNAME = "admin"
PASSWORD_BYTES = 15
DEFAULT_SINK_PORT = "8099"
ACTOR = Actor("First start")
NO_DEMO = "(the Demo workspace is gone; send to an input of yours: its page in the console issues keys)"


@dataclass(frozen=True, slots=True)
class FirstStart:
    """What is printed; `password` only by the start that made it."""

    console_url: str
    username: str
    password: str | None
    curl: str
    sdk_snippet: str
    created: bool


@transaction.atomic
def first_start() -> FirstStart:
    """Make the operator and the Demo workspace where there are none."""
    sink_url = f"http://127.0.0.1:{os.environ.get('CDP_SINK_PORT') or DEFAULT_SINK_PORT}/"
    operator, password = _operator()
    if not Workspace.objects.exists():
        demo.make_demo(ACTOR, operator, sink_url)
    workspace = Workspace.objects.filter(slug=demo.SLUG).first()
    if workspace is not None:
        demo.lead_to_sink(ACTOR, workspace, sink_url)
    key = None if workspace is None else _server_key(workspace)
    return FirstStart(
        console_url=f"{base_url()}/",
        username=operator.get_username(),
        password=password,
        curl=NO_DEMO if key is None else curl_line(base_url(), key.key, key.secret, Environment.PRODUCTION),
        sdk_snippet=NO_DEMO if key is None else sdk_snippet(base_url(), key.key, key.secret, Environment.PRODUCTION),
        created=password is not None,
    )


def _operator() -> tuple[User, str | None]:
    """Who runs the installation, with the password if it was made just now."""
    users = get_user_model().objects
    found = users.filter(is_superuser=True, is_active=True).order_by("pk").first()
    if found is not None:
        return found, None
    password = secretbox.new_secret(PASSWORD_BYTES)
    return users.create_superuser(_free_name(), password=password), password


def _free_name() -> str:
    taken = set(get_user_model().objects.filter(username__startswith=USERNAME).values_list("username", flat=True))
    return next(name for name in (USERNAME, *(f"{USERNAME}{n}" for n in range(2, len(taken) + 3))) if name not in taken)


def _server_key(workspace: Workspace) -> IssuedKey | None:
    """A key that works as pasted: a live one whose secret can be read, else a new one; None without an active feed."""
    feeds = Input.objects.filter(workspace=workspace, kind=InputKind.FEED, platform=None, is_active=True)
    feed = feeds.order_by("pk").first()
    if feed is None:
        return None
    for key in InputKey.objects.filter(input=feed, expires_at=None).order_by("pk"):
        try:
            return IssuedKey(key.key, secretbox.decrypt(key.secret_encrypted))
        except SecretUnreadable:
            continue
    return issue(ACTOR, feed)
