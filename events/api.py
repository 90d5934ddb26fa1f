"""Intake over HTTP: one thin view for each endpoint. What is answered is decided in `events.ingest`."""

from typing import Any

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from rest_framework.request import Request
from rest_framework.views import APIView

from events import ingest
from events.api_schema import IntakeSchema
from events.intake.fields import query_fields
from events.intake.refusals import not_post
from events.protocol import Endpoint, IntakeProtocol, Reply


class IntakeView(APIView):
    """Takes batches in. Everything in the body is stored before it is answered, or nothing is."""

    # The request is handed over as it came; `events.urls` gives protocol and endpoint.
    http_method_names = ["post"]
    authentication_classes = ()
    permission_classes = ()
    schema = IntakeSchema()
    # Given to `as_view`, which takes only names that the class has.
    protocol: IntakeProtocol = None  # type: ignore[assignment]
    endpoint: Endpoint = None  # type: ignore[assignment]

    def initial(self, request: Request, *args: Any, **kwargs: Any) -> None:
        """Nothing of DRF's own: key, limits and body are the protocol's business, whatever the content type says."""

    @property
    def default_response_headers(self) -> dict[str, str]:
        return {}

    def post(self, request: Request) -> HttpResponse:
        # One byte more than may come: enough to see that it is too much.
        body = request.stream.read(settings.DATA_UPLOAD_MAX_MEMORY_SIZE + 1) if request.stream else b""
        return response_of(
            ingest.accept(
                self.protocol,
                self.endpoint,
                header_fields(request._request),
                query_fields(request.META.get("QUERY_STRING", "").encode("latin-1")),
                body,
                request.META.get("REMOTE_ADDR", ""),
            )
        )

    def http_method_not_allowed(self, *_args: Any, **_kwargs: Any) -> HttpResponse:  # type: ignore[override]
        return response_of(self.protocol.refused(not_post()))


def header_fields(request: HttpRequest) -> dict[str, str]:
    """Header fields under their names in lower case."""
    return {
        name[5:].replace("_", "-").lower(): value for name, value in request.META.items() if name.startswith("HTTP_")
    }


def response_of(reply: Reply) -> HttpResponse:
    """Django's form of the reply, with no header that the reply does not have."""
    response = HttpResponse(reply.body, status=reply.status, headers=dict(reply.headers))
    if "Content-Type" not in reply.headers:
        del response["Content-Type"]
    response._has_been_logged = True  # type: ignore[attr-defined] # `ingest` did, with more to say.
    return response
