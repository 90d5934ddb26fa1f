"""Outputs over HTTP (Bearer)."""

from django.db.models import QuerySet, Value

from cdp_project.workspaces import audit
from cdp_project.workspaces.endpoint import Asked
from cdp_project.workspaces.models import Role
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
from connections.models import Output
from connections.resources import output_changes
from connections.resources.filters import OutputFilters
from connections.resources.serializers import OutputBody, OutputChangeBody, OutputSerializer


class _Outputs(ResourceView):
    def rows(self, asked: Asked, **_path: str) -> QuerySet[Output]:
        # Who may change an output has to see the addresses that it has.
        in_full = Value(asked.role >= Role.EDITOR)
        return Output.objects.filter(workspace=asked.workspace).annotate(is_shown_in_full=in_full)


class OutputsView(_Outputs):
    """The outputs of a workspace."""

    @listing("listOutputs", OutputSerializer, OutputFilters)
    def get(self, asked: Asked) -> QuerySet[Output]:
        """Where events can be sent to."""
        return self.rows(asked)

    @creating("createOutput", OutputSerializer, OutputBody)
    def post(self, asked: Asked) -> Output:
        """Make an output of an integration. Nothing is sent to it before a connection leads there."""
        made = output_changes.made(asked.actor, asked.workspace, asked.data)
        return self.rows(asked).get(pk=made.pk)


class OutputView(_Outputs):
    """One output."""

    @showing("readOutput", OutputSerializer)
    def get(self, asked: Asked, row: Output) -> Output:  # noqa: ARG002 - as every handler
        """One output. What is secret is never shown, only whether it is stored."""
        return row

    @changing("changeOutput", OutputSerializer, OutputChangeBody)
    def patch(self, asked: Asked, row: Output) -> Output:
        """Change an output; what is left out stays, also within `settings` and `secrets`."""
        return output_changes.changed(asked.actor, row, asked.data)

    @deleting("deleteOutput", OutputSerializer, GIVE_UP)
    def delete(self, asked: Asked, row: Output) -> None:
        """Delete an output with its connections. What waits to be sent there has to be given up."""
        refuse_waiting(asked, warning(waiting_events(row.connections.values_list("pk", flat=True))))
        audit.delete(asked.actor, row)
