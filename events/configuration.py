"""Inputs as the hot loops see them: plain values, refreshed when the configuration version moves."""

from dataclasses import dataclass

from cdp_project.kernel.database import Connection
from cdp_project.workspaces.configuration import Cached, Versions


@dataclass(frozen=True, slots=True)
class InputConfig:
    """One input with what processing needs of its workspace."""

    input_id: int
    workspace_id: int
    scope_id: int
    kind: str
    platform: str | None
    name: str
    protection: str
    is_active: bool
    config_version: int


Inputs = dict[int, InputConfig]

_QUERY = """
SELECT i.id, i.workspace_id, coalesce(w.scope_id, w.id), i.kind, i.platform, i.name, i.protection, i.is_active,
       w.config_version
FROM input i JOIN workspace w ON w.id = i.workspace_id
"""


def load_inputs(connection: Connection, _versions: Versions) -> Inputs:
    """All inputs by id."""
    rows = connection.execute(_QUERY).fetchall()
    return {config.input_id: config for config in (InputConfig(*row) for row in rows)}  # type: ignore[arg-type]


def inputs() -> Cached[Inputs]:
    """A copy for one process or loop."""
    return Cached(load_inputs)
