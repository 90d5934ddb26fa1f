"""Connections over HTTP (Bearer)."""

from django.db.models import Model, QuerySet
from rest_framework.exceptions import ErrorDetail, ValidationError

from cdp_project.workspaces import audit
from cdp_project.workspaces.endpoint import Asked
from cdp_project.workspaces.resource_rows import saved
from cdp_project.workspaces.resources import (
    GIVE_UP,
    ResourceView,
    changing,
    creating,
    deleting,
    listing,
    refuse_waiting,
    showing,
)
from connections.deletion import waiting_events, warning
from connections.models import Connection, Output
from connections.resources.filters import ConnectionFilters
from connections.resources.serializers import ConnectionBody, ConnectionChangeBody, ConnectionSerializer
from events.models import Input


class _Connections(ResourceView):
    def rows(self, asked: Asked, **_path: str) -> QuerySet[Connection]:
        return Connection.objects.filter(workspace=asked.workspace)


class ConnectionsView(_Connections):
    """The connections of a workspace."""

    @listing("listConnections", ConnectionSerializer, ConnectionFilters)
    def get(self, asked: Asked) -> QuerySet[Connection]:
        """Which input sends to which output."""
        return self.rows(asked)

    @creating("createConnection", ConnectionSerializer, ConnectionBody)
    def post(self, asked: Asked) -> Connection:
        """Let an input send to an output, from now on."""
        for name, kind in (("input_id", Input), ("output_id", Output)):
            _check_own(asked, name, kind)
        return saved(asked.actor, Connection(workspace=asked.workspace), asked.data)


class ConnectionView(_Connections):
    """One connection."""

    @showing("readConnection", ConnectionSerializer)
    def get(self, asked: Asked, row: Connection) -> Connection:  # noqa: ARG002 - as every handler
        """One connection."""
        return row

    @changing("changeConnection", ConnectionSerializer, ConnectionChangeBody)
    def patch(self, asked: Asked, row: Connection) -> Connection:
        """Switch a connection on or off. What comes while it is off is withheld, and counted."""
        return saved(asked.actor, row, asked.data)

    @deleting("deleteConnection", ConnectionSerializer, GIVE_UP)
    def delete(self, asked: Asked, row: Connection) -> None:
        """Delete a connection. Its counts stay; what waits on it has to be given up."""
        refuse_waiting(asked, warning(waiting_events([row.pk])))
        audit.delete(asked.actor, row)


def _check_own(asked: Asked, name: str, kind: type[Model]) -> None:
    """A foreign one and none at all are told apart by nothing."""
    if not kind._default_manager.filter(workspace=asked.workspace, pk=asked.data[name]).exists():
        told = f"There is no such {kind._meta.verbose_name} in this workspace."
        raise ValidationError({name: [ErrorDetail(told, "not_found")]})
