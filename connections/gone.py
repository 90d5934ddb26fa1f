"""Remembers each connection that is deleted, so that the counts of what it carried still belong to somebody."""

from typing import Any

from django.db.models import Model, QuerySet
from django.db.models.signals import post_delete
from django.dispatch import receiver

from cdp_project.kernel import clock
from cdp_project.workspaces.models import Workspace
from connections.models import Connection, GoneConnection


@receiver(post_delete, sender=Connection, dispatch_uid="remember_connection")
def remember(instance: Connection, origin: Model | QuerySet[Model] | None = None, **_: Any) -> None:
    """In the transaction of the deletion, also of one that begins at the input or the output.

    With its workspace everything goes, so there is nobody left to be told.
    """
    if isinstance(origin, Workspace) or getattr(origin, "model", None) is Workspace:
        return
    GoneConnection.objects.create(
        id=instance.pk,
        workspace_id=instance.workspace_id,
        input_id=instance.input_id,
        output_id=instance.output_id,
        input_name=instance.input.name,
        output_name=instance.output.name,
        deleted_at=clock.now(),
    )
