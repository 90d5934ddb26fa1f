"""Inputs over HTTP (Bearer)."""

from django.db.models import QuerySet

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
from events.inputs.filters import InputFilters
from events.inputs.serializers import InputBody, InputSerializer
from events.inputs.waiting import what_waits
from events.models import Input


class _Inputs(ResourceView):
    def rows(self, asked: Asked, **_path: str) -> QuerySet[Input]:
        return Input.objects.filter(workspace=asked.workspace)


class InputsView(_Inputs):
    """The inputs of a workspace."""

    @listing("listInputs", InputSerializer, InputFilters)
    def get(self, asked: Asked) -> QuerySet[Input]:
        """The platforms and feeds that events come from."""
        return self.rows(asked)

    @creating("createInput", InputSerializer, InputBody)
    def post(self, asked: Asked) -> Input:
        """Make an input. It receives nothing before it has a key."""
        return saved(asked.actor, Input(workspace=asked.workspace), asked.data)


class InputView(_Inputs):
    """One input."""

    @showing("readInput", InputSerializer)
    def get(self, asked: Asked, row: Input) -> Input:  # noqa: ARG002 - as every handler
        """One input."""
        return row

    @changing("changeInput", InputSerializer, InputBody)
    def patch(self, asked: Asked, row: Input) -> Input:
        """Change an input; fields that are left out stay. What is in effect changes within two seconds."""
        return saved(asked.actor, row, asked.data)

    @deleting("deleteInput", InputSerializer, GIVE_UP)
    def delete(self, asked: Asked, row: Input) -> None:
        """Delete an input with its keys and connections. What it sent stays; what waits of it has to be given up."""
        refuse_waiting(asked, what_waits(row))
        audit.delete(asked.actor, row)
