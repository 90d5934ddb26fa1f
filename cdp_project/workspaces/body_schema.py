"""How bodies are described in the API schema: a field that is not declared is refused. Loaded when the app is ready."""

from typing import Any

from drf_spectacular.extensions import OpenApiSerializerExtension
from drf_spectacular.openapi import AutoSchema

from cdp_project.workspaces.reading import Body


class ClosedBody(OpenApiSerializerExtension):  # type: ignore[no-untyped-call]
    target_class = Body
    match_subclasses = True

    def map_serializer(self, auto_schema: AutoSchema, direction: Any) -> dict[str, Any]:
        """As any other, without room for more."""
        described: dict[str, Any] = auto_schema._map_serializer(  # type: ignore[no-untyped-call]
            self.target, direction, bypass_extensions=True
        )
        return {**described, "additionalProperties": False}
