"""What OPTIONS answers on our own API: which methods an address has. The schema tells the rest."""

from typing import Any

from rest_framework.metadata import BaseMetadata
from rest_framework.request import Request


class AllowedMethods(BaseMetadata):
    """The same as the header Allow."""

    def determine_metadata(self, request: Request, view: Any) -> dict[str, Any]:  # noqa: ARG002 - DRF's signature
        return {"methods": view.allowed_methods}
