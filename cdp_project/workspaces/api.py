"""POST /oauth/token: a client id with its secret becomes a token (wire.md 6; reference: token, 2.0)."""

from typing import Any

from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiResponse, extend_schema, inline_serializer
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from cdp_project.kernel import clock
from cdp_project.workspaces import guessing, token_request, tokens
from cdp_project.workspaces.token_request import TokenRefusal

NEVER_STORED = {"Cache-Control": "no-store", "Pragma": "no-cache"}
TOKEN = inline_serializer(
    "Token",
    {
        "access_token": serializers.CharField(),
        "expires_in": serializers.IntegerField(),
        "token_type": serializers.CharField(),
    },
)
PAIR = inline_serializer(
    "ClientCredentials",
    {
        "grant_type": serializers.ChoiceField(["client_credentials"]),
        "client_id": serializers.CharField(),
        "client_secret": serializers.CharField(),
        "audience": serializers.CharField(required=False),
    },
)


class TokenView(APIView):
    """Exchange client credentials, given as JSON, as a form or by Basic."""

    authentication_classes = ()
    permission_classes = ()
    # The body is read as it came: both content types, and errors in the one shape that clients know.
    parser_classes = ()

    @extend_schema(
        operation_id="create_token",
        request={"application/json": PAIR, "application/x-www-form-urlencoded": PAIR},
        responses={200: TOKEN, 400: OpenApiResponse(OpenApiTypes.OBJECT), 401: OpenApiResponse(OpenApiTypes.OBJECT)},
    )
    def post(self, request: Request) -> Response:
        try:
            token = _token(request)
        except TokenRefusal as refusal:
            return _refused(refusal)
        body = {"access_token": token, "expires_in": tokens.LIFETIME_S, "token_type": "Bearer"}
        return Response(body, headers=NEVER_STORED)


def _token(request: Request) -> str:
    plain = request._request
    pair = token_request.read(plain.content_type or "", plain.headers.get("Authorization", ""), plain.body)
    address = str(plain.META.get("REMOTE_ADDR", ""))
    if guessing.is_braked(pair.client_id, address):
        raise TokenRefusal(429, "too_many_failures", "Too many wrong secrets: wait a minute and try again.")
    credential = tokens.authenticate_client(pair.client_id, pair.secret)
    if credential is None:
        guessing.count_failure(pair.client_id, address)
        raise TokenRefusal(401, "invalid_client", "The client is unknown, its secret is wrong, or it was revoked.")
    return tokens.issue(credential, clock.now())


def _refused(refusal: TokenRefusal) -> Response:
    each = {"code": refusal.code, "message": refusal.message}
    body: dict[str, Any] = {"error": refusal.code, "error_description": refusal.message, **each}
    headers = dict(NEVER_STORED)
    if refusal.status == 401:
        headers["WWW-Authenticate"] = 'Basic realm="Tributary"'
    if refusal.status == 429:
        headers["Retry-After"] = str(guessing.WINDOW_S)
    # Clients of different makers look in different places (wire.md 2.5).
    return Response({**body, "errors": [each], "Errors": [each]}, refusal.status, headers=headers)
