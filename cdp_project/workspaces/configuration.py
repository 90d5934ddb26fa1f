"""Configuration is effective by version: processes keep a copy and look once a second whether it is stale."""

import time
from collections.abc import Callable
from typing import Generic, TypeVar

from django.db.models import F

from cdp_project.kernel.database import Connection
from cdp_project.kernel.wake import waker
from cdp_project.workspaces.models import Workspace

POLL_S = 1.0

Versions = dict[int, int]
T = TypeVar("T")


def changed(workspace: Workspace) -> None:
    """Give the workspace its next configuration version. Call inside the transaction of the change."""
    Workspace.objects.filter(pk=workspace.pk).update(config_version=F("config_version") + 1)


def tell() -> None:
    """Wake the hot loops so that they need not wait for their next poll. Call after the commit."""
    waker.hint("pipeline")
    waker.hint("deliveries")


class Cached(Generic[T]):
    """A copy of configuration, made anew by `load` when a workspace's version moved (polled each second)."""

    def __init__(self, load: Callable[[Connection, Versions], T]) -> None:
        self._load = load
        self._value: T | None = None
        self._versions: Versions = {}
        self._looked_at = float("-inf")

    def get(self, connection: Connection, *, age_most_s: float = POLL_S) -> T:
        """The copy, at most so old; 0 looks each time, for whoever must not miss what was made a moment ago."""
        if self._value is None or time.monotonic() - self._looked_at >= age_most_s:
            versions = _versions(connection)
            if self._value is None or versions != self._versions:
                self._value, self._versions = self._load(connection, versions), versions
            self._looked_at = time.monotonic()
        return self._value

    def forget(self) -> None:
        """Make the copy anew at the next `get`, for whoever met something that the copy does not know."""
        self._value = None


def _versions(connection: Connection) -> Versions:
    rows = connection.execute("SELECT id, config_version FROM workspace").fetchall()
    return {int(str(pk)): int(str(version)) for pk, version in rows}
