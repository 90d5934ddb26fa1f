"""Which workspaces share their people: those of one scope."""

from collections import defaultdict

from cdp_project.kernel.database import Connection
from cdp_project.workspaces.configuration import Cached, Versions

WorkspacesByScope = dict[int, list[int]]


def _load(connection: Connection, _versions: Versions) -> WorkspacesByScope:
    found: WorkspacesByScope = defaultdict(list)
    for workspace_id, scope_id in connection.execute("SELECT id, coalesce(scope_id, id) FROM workspace ORDER BY id"):
        found[int(str(scope_id))].append(int(str(workspace_id)))
    return dict(found)


def workspaces_by_scope() -> Cached[WorkspacesByScope]:
    """A copy for one process or loop."""
    return Cached(_load)
