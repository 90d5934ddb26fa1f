"""Refusals as the API's schema describes them: one shape, and what each status means."""

from typing import Any

from drf_spectacular.utils import OpenApiExample, OpenApiResponse, extend_schema_serializer
from rest_framework import serializers

from cdp_project.kernel.errors import PROBLEM


class FieldErrorSerializer(serializers.Serializer[Any]):
    """What is wrong with one field of the body."""

    pointer = serializers.CharField(help_text="JSON pointer (RFC 6901) into the body; empty means the body itself.")
    detail = serializers.CharField()
    code = serializers.CharField()


@extend_schema_serializer(
    examples=[
        OpenApiExample(
            "A field that cannot be used",
            {
                "type": "/errors/invalid",
                "title": "Invalid",
                "code": "invalid",
                "status": 400,
                "detail": "Some fields cannot be used; see errors.",
                "request_id": "0b6c7f0e9d1a4f6f8a5b2c3d4e5f6071",
                "errors": [
                    {"pointer": "/settings/url", "detail": "Address is required.", "code": "unusable_setting"},
                ],
            },
            response_only=True,
            media_type="application/problem+json",
            status_codes=["400"],
        )
    ]
)
class ProblemSerializer(serializers.Serializer[Any]):
    """Why a request was refused (RFC 9457)."""

    type = serializers.CharField()
    title = serializers.CharField()
    code = serializers.CharField(help_text="Stable; the detail is for people.")
    status = serializers.IntegerField()
    detail = serializers.CharField()
    # The name is the contract's; the class takes its fields off before its own attribute of that name is needed.
    request_id = serializers.CharField(required=False, help_text="X-Request-Id of the answer; log lines have it, too.")
    errors = FieldErrorSerializer(  # type: ignore[assignment]
        many=True, required=False, help_text="Of a body whose fields cannot be used."
    )


def _problems(told: dict[int, str]) -> dict[Any, OpenApiResponse]:
    """By status and content type, as the schema's library takes them beside plain statuses."""
    return {(status, PROBLEM): OpenApiResponse(ProblemSerializer, each) for status, each in told.items()}


REFUSALS = _problems(
    {
        400: "A parameter or field cannot be used; the detail or `errors` name it.",
        401: "There is no token, or it is not valid any more.",
        403: "The credential's role is too low, or its token lacks the scope; the detail names what is needed.",
        404: "There is no such thing in this workspace, or the workspace is not yours.",
        429: "Too many requests; `Retry-After` says when to go on.",
    }
)
TOO_LARGE = _problems({413: "The body is too large."})
UNSAFE_REFUSALS = _problems(
    {
        409: "It cannot be done as things stand, or the call with this Idempotency-Key is under way (`Retry-After`).",
        422: "The Idempotency-Key belongs to another request.",
    }
)
CHANGED_MEANWHILE = _problems({412: "The representation is another one than If-Match names: read it again."})
