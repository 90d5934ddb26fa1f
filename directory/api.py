"""The directory over HTTP (Bearer): which integrations there are, and what their outputs are told."""

from typing import Any, NamedTuple

from drf_spectacular.utils import OpenApiParameter
from rest_framework.views import APIView

from cdp_project.kernel.cursor import Word
from cdp_project.kernel.errors import Refusal
from cdp_project.workspaces.parameters import choice_of, position_of
from cdp_project.workspaces.reading import CURSOR, LIMIT, Asked, looking, page
from directory.contracts import Integration, Kind
from directory.registry import INTEGRATIONS
from directory.serializers import IntegrationPageSerializer, IntegrationSerializer

KINDS = {kind.value: kind for kind in Kind}


class IntegrationPlace(NamedTuple):
    """Where a page of integrations ended."""

    key: Word


class IntegrationsView(APIView):
    """Every integration."""

    @looking(
        "listIntegrations",
        IntegrationPageSerializer,
        OpenApiParameter("kind", str, enum=list(KINDS), description="What it has to receive."),
        LIMIT,
        CURSOR,
    )
    def get(self, asked: Asked) -> dict[str, Any]:
        """What outputs can be made of, by key. The same for every workspace."""
        word, place = choice_of(asked.query, "kind", KINDS), position_of(asked.query, IntegrationPlace)
        found = [
            each
            for key, each in INTEGRATIONS.items()
            if (place is None or key > place.key) and (word is None or KINDS[word] in each.kinds)
        ]
        return page(found[: asked.limit + 1], asked.limit, lambda each: (each.key,))


class IntegrationView(APIView):
    """One integration."""

    @looking("readIntegration", IntegrationSerializer)
    def get(self, asked: Asked, key: str) -> Integration:
        """What an output of it is told, and what it can bear."""
        found = INTEGRATIONS.get(key)
        if found is None:
            raise Refusal(404, "not_found", "There is no such integration.")
        return found
