"""Parameters that name connections, outputs and reasons: read strictly, refused with a sentence that names them."""

from drf_spectacular.utils import OpenApiParameter

from cdp_project.workspaces.environment import Environment
from cdp_project.workspaces.models import Workspace
from cdp_project.workspaces.parameters import bad_parameter
from connections.models import Connection, GoneConnection, Output
from connections.reading.meaning import is_reason
from connections.reading.own import Own, own_connections

REASON_MEANS = "A reason that verdicts name, for example rejected, or the code of the last fault, for example http_503."
REASON = OpenApiParameter("reason", str, description=REASON_MEANS)


def own_of(
    workspace: Workspace, environment: Environment, connection_id: int | None = None, output_id: int | None = None
) -> Own:
    """The workspace's connections, narrowed by what is given. 400 for one that it never had.

    A deleted one is known as long as its counts are.
    """
    own = own_connections(workspace, environment, connection_id, output_id)
    if own.outputs:
        return own
    if connection_id is not None and not _has_connection(workspace, pk=connection_id):
        raise bad_parameter("connection_id", "is the number of a connection of this workspace, existing or deleted")
    if output_id is not None and not _has_output(workspace, output_id):
        raise bad_parameter("output_id", "is the number of an output of this workspace, existing or deleted")
    return own


def reason_of(text: str | None) -> str | None:
    """A reason by which items are chosen. 400 for one that nothing ever has."""
    if text is not None and not is_reason(text):
        raise bad_parameter("reason", "is one that verdicts or deliveries show, for example rejected or http_503")
    return text


def _has_connection(workspace: Workspace, **wanted: int) -> bool:
    models = (Connection, GoneConnection)
    return any(model.objects.filter(workspace=workspace, **wanted).exists() for model in models)


def _has_output(workspace: Workspace, output_id: int) -> bool:
    there = Output.objects.filter(workspace=workspace, pk=output_id).exists()
    return there or _has_connection(workspace, output_id=output_id)
