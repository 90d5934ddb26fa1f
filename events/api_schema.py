"""How the intake stands in the API schema."""

from typing import Any

from drf_spectacular.openapi import AutoSchema
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, OpenApiResponse, inline_serializer
from rest_framework.serializers import CharField, ChoiceField, DictField, IntegerField, ListField, UUIDField

from events.protocol import Endpoint

_ERROR = inline_serializer(
    "IntakeError",
    {"code": CharField(), "message": CharField(), "errors": ListField(child=DictField(child=CharField()))},
)
_RESULT = inline_serializer(
    "IntakeResult",
    {
        "index": IntegerField(help_text="The batch's place in the array."),
        "batch_id": UUIDField(),
        "status": ChoiceField(
            ["accepted", "quarantined", "skipped"],
            help_text="quarantined: kept, but it cannot be used as it is; skipped: it tells no history.",
        ),
        "code": CharField(required=False, help_text="Why it was not simply accepted."),
        "message": CharField(required=False, help_text="The same in words."),
    },
    many=True,
)
_RESULTS = inline_serializer("IntakeResults", {"results": _RESULT})
_REFUSALS = {
    400: "The body cannot be used; the message names the field.",
    401: "There is no Authorization header.",
    403: "Key and secret do not belong to an active input.",
    408: "The body did not arrive in time; send it again.",
    413: "The body is too large.",
    415: "The Content-Encoding is not understood.",
    429: "Over a limit of the input; see Retry-After and X-mp-rate-limit-exceeded.",
    503: "Nothing was stored; send the same again after Retry-After.",
}


class IntakeSchema(AutoSchema):
    """Reads protocol and endpoint off the view."""

    @property
    def _endpoint(self) -> Endpoint:
        endpoint: Endpoint = getattr(self.view, "endpoint")  # noqa: B009 - the stub knows no view of ours
        return endpoint

    def get_operation_id(self) -> str:
        return self._endpoint.name

    def get_summary(self) -> str:
        return f"Take in: {self._endpoint.path}"

    def get_tags(self) -> list[str]:
        return ["intake"]

    def get_auth(self) -> list[dict[str, Any]]:
        return [{"basicAuth": []}]

    def get_override_parameters(self) -> list[Any]:
        if not self._endpoint.is_bulk:
            return []
        description = "1 asks for one result per batch in the answer."
        return [OpenApiParameter("verbose", OpenApiTypes.STR, enum=["1"], description=description)]

    def get_request_serializer(self) -> Any:
        batch = {"type": "object", "additionalProperties": True}
        schema = {"type": "array", "items": batch, "maxItems": 100} if self._endpoint.is_bulk else batch
        return {"application/json": schema}

    def get_response_serializers(self) -> Any:
        refusals = {status: OpenApiResponse(_ERROR, description) for status, description in _REFUSALS.items()}
        return {202: self._accepted(), **refusals}

    def _accepted(self) -> OpenApiResponse:
        stored = "Everything in the body is stored."
        if not self._endpoint.is_bulk:
            return OpenApiResponse(description=stored)
        return OpenApiResponse(_RESULTS, f"{stored} There is no body without verbose=1.")
