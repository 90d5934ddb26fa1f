"""The connections of one workspace: what every look is limited to."""

from dataclasses import dataclass, replace

from cdp_project.workspaces.environment import Environment
from cdp_project.workspaces.models import Workspace
from connections.models import Connection, GoneConnection


@dataclass(frozen=True, slots=True)
class Own:
    """Connections of a workspace, {connection id: output id}, perhaps narrowed; and the environment asked for.

    Those in `deleted` are gone; what they carried is still counted.
    """

    outputs: dict[int, int]
    environment: Environment
    deleted: frozenset[int] = frozenset()

    @property
    def connection_ids(self) -> list[int]:
        return list(self.outputs)

    @property
    def output_ids(self) -> list[int]:
        return sorted(set(self.outputs.values()))

    @property
    def existing(self) -> "Own":
        """Without what was deleted: what something can still be done with."""
        outputs = {each: output_id for each, output_id in self.outputs.items() if each not in self.deleted}
        return replace(self, outputs=outputs, deleted=frozenset())


def own_connections(
    workspace: Workspace, environment: Environment, connection_id: int | None = None, output_id: int | None = None
) -> Own:
    """All of the workspace's, those deleted included, or those that fit; what belongs to others fits nothing."""
    given = {"pk": connection_id, "output_id": output_id}
    wanted = {"workspace": workspace, **{name: value for name, value in given.items() if value is not None}}
    # In this order: one that is deleted meanwhile is found twice, and not never.
    there = dict(Connection.objects.filter(**wanted).values_list("pk", "output_id"))
    gone = dict(GoneConnection.objects.filter(**wanted).values_list("pk", "output_id"))
    return Own(dict(sorted({**there, **gone}.items())), environment, frozenset(gone))
