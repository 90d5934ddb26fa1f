"""The connections of one workspace: what every look is limited to."""

from dataclasses import dataclass

from cdp_project.workspaces.environment import Environment
from cdp_project.workspaces.models import Workspace
from connections.models import Connection


@dataclass(frozen=True, slots=True)
class Own:
    """Connections of a workspace, {connection id: output id}, perhaps narrowed; and the environment asked for."""

    outputs: dict[int, int]
    environment: Environment

    @property
    def connection_ids(self) -> list[int]:
        return list(self.outputs)

    @property
    def output_ids(self) -> list[int]:
        return sorted(set(self.outputs.values()))


def own_connections(
    workspace: Workspace, environment: Environment, connection_id: int | None = None, output_id: int | None = None
) -> Own:
    """All of the workspace's, or those that fit; what belongs to others fits nothing."""
    found = Connection.objects.filter(workspace=workspace).order_by("pk")
    if connection_id is not None:
        found = found.filter(pk=connection_id)
    if output_id is not None:
        found = found.filter(output_id=output_id)
    return Own(dict(found.values_list("pk", "output_id")), environment)
