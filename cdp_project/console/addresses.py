"""Addresses of the console. Inside `/w/<slug>/<environment>` every reverse() stays in that workspace."""

import os
from collections.abc import Iterator
from contextlib import contextmanager

from django.conf import settings
from django.urls import get_script_prefix, reverse, set_script_prefix

from cdp_project.embedded.address import site
from cdp_project.workspaces.environment import Environment
from cdp_project.workspaces.models import Workspace

DEFAULT_HOST, DEFAULT_PORT = "127.0.0.1", "8000"
# Listening everywhere is no address that one could type.
EVERYWHERE = {"": DEFAULT_HOST, "0.0.0.0": DEFAULT_HOST, "::": "::1"}  # noqa: S104


@contextmanager
def script_prefix(prefix: str) -> Iterator[None]:
    """Within the block addresses begin with the prefix; afterwards, whatever happens, as before."""
    before = get_script_prefix()
    set_script_prefix(prefix)
    try:
        yield
    finally:
        # Left standing it would leak into whatever this thread does next.
        set_script_prefix(before)


def outside(name: str) -> str:
    """Address of a page outside every workspace."""
    with script_prefix("/"):
        return reverse(name)


def inside(workspace: Workspace, environment: Environment, name: str) -> str:
    """Address of a page of the workspace."""
    with script_prefix(prefix_of(workspace, environment)):
        return reverse(name)


def prefix_of(workspace: Workspace, environment: Environment) -> str:
    """What addresses of the workspace begin with."""
    return f"/w/{workspace.slug}/{environment.word}"


def base_url() -> str:
    """Where this machine reaches the product, without a slash at the end.

    From HOST and PORT; in another shell than the product's from what it noted when it started.
    """
    noted_host, noted_port = site(settings.VAR_DIR)
    host = os.environ.get("HOST") or noted_host or DEFAULT_HOST
    host = EVERYWHERE.get(host, host)
    return f"http://{f'[{host}]' if ':' in host else host}:{os.environ.get('PORT') or noted_port or DEFAULT_PORT}"
