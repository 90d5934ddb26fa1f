"""Keys of inputs over HTTP (Bearer): listed without their secrets, issued, rotated, revoked."""

from datetime import timedelta

from django.db.models import QuerySet

from cdp_project.workspaces.access import object_of
from cdp_project.workspaces.endpoint import Asked
from cdp_project.workspaces.models import Role
from cdp_project.workspaces.reading import Body
from cdp_project.workspaces.resources import ResourceView, creating, deleting, listing, showing
from events.inputs.serializers import KeySerializer, NewKeySerializer, RotationBody
from events.intake.issuing import IssuedKey, end, issue, rotate
from events.models import Input, InputKey


class _Keys(ResourceView):
    def rows(self, asked: Asked, **path: str) -> QuerySet[InputKey]:
        return InputKey.objects.filter(input=self.source(asked, path["input_id"]))

    def source(self, asked: Asked, input_id: str) -> Input:
        return object_of(asked.workspace, Input, input_id)


class KeysView(_Keys):
    """The keys of an input."""

    @listing("listInputKeys", KeySerializer)
    def get(self, asked: Asked, input_id: str) -> QuerySet[InputKey]:
        """Keys with when they were issued and when they end; never their secrets."""
        return self.rows(asked, input_id=input_id)

    @creating("issueInputKey", NewKeySerializer, Body, role=Role.ADMIN)
    def post(self, asked: Asked, input_id: str) -> InputKey:
        """Issue a key. Its secret is in this answer and never again. Keys that there are go on working."""
        return _with_secret(issue(asked.actor, self.source(asked, input_id)))


class RotateKeysView(_Keys):
    """Changing over to a new key."""

    @creating("rotateInputKeys", NewKeySerializer, RotationBody, role=Role.ADMIN)
    def post(self, asked: Asked, input_id: str) -> InputKey:
        """Issue a key, and let those that there are end after the overlap."""
        overlap = timedelta(seconds=asked.data["overlap_s"])
        return _with_secret(rotate(asked.actor, self.source(asked, input_id), overlap))

    def address_of(self, asked: Asked, row: InputKey) -> str:
        return f"{asked.address.removesuffix('/rotate')}/{row.pk}"


class KeyView(_Keys):
    """One key."""

    @showing("readInputKey", KeySerializer)
    def get(self, asked: Asked, row: InputKey) -> InputKey:  # noqa: ARG002 - as every handler
        """One key, without its secret."""
        return row

    @deleting("revokeInputKey", KeySerializer, role=Role.ADMIN)
    def delete(self, asked: Asked, row: InputKey) -> None:
        """Revoke a key: what uses it is refused within two seconds. It stays in the list, as ended."""
        end(asked.actor, row)


def _with_secret(issued: IssuedKey) -> InputKey:
    row = InputKey.objects.get(key=issued.key)
    row.issued_secret = issued.secret
    return row
