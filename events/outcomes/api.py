"""What became of accepted events, over HTTP (Bearer)."""

from datetime import timedelta
from typing import Any

from drf_spectacular.utils import OpenApiParameter
from rest_framework import serializers
from rest_framework.views import APIView

from cdp_project.kernel import clock
from cdp_project.workspaces.parameters import hours_of, id_of
from cdp_project.workspaces.reading import Asked, reading
from events.outcomes.counting import Outcomes, outcomes

HOURS_USUAL, HOURS_MOST = timedelta(hours=24), timedelta(days=31)

FROM = OpenApiParameter("from", str, description="The first hour (ISO 8601, UTC without an offset).")
TO = OpenApiParameter("to", str, description="The last hour; this one unless given. At most 31 days after from.")
INPUT = OpenApiParameter("input_id", int)


class OutcomesSerializer(serializers.Serializer[Any]):
    """Events by what became of them. accepted = waiting + stored + the sum of not_stored."""

    first = serializers.DateTimeField(help_text="The first hour of acceptance that is counted.")
    last = serializers.DateTimeField(help_text="The last one.")
    accepted = serializers.IntegerField()
    waiting = serializers.IntegerField(help_text="Accepted in these hours and not processed yet.")
    stored = serializers.IntegerField()
    not_stored = serializers.DictField(
        child=serializers.IntegerField(), help_text="By reason, for example duplicate; what is in quarantine included."
    )


class OutcomesView(APIView):
    """Counts of accepted events."""

    @reading("readOutcomes", OutcomesSerializer, FROM, TO, INPUT)
    def get(self, asked: Asked) -> Outcomes:
        """Accepted events by what became of them, of all inputs or one; the last 24 hours unless told."""
        hours = hours_of(asked.query, clock.now(), HOURS_USUAL, HOURS_MOST)
        return outcomes(asked.workspace.pk, asked.environment, hours, id_of(asked.query, "input_id"))
