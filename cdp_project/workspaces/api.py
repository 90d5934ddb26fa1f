"""Tokens: a client id with its secret becomes one, or ends one (wire.md 6; reference: token, 2.0; RFC 7009)."""

from collections.abc import Callable
from typing import Any

from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from cdp_project.kernel import clock
from cdp_project.workspaces import guessing, oauth_schema, scopes, token_request, tokens
from cdp_project.workspaces.models import ApiCredential
from cdp_project.workspaces.scopes import Scopes, UnknownScope
from cdp_project.workspaces.token_request import ClientPair, TokenRefusal

NEVER_STORED = {"Cache-Control": "no-store", "Pragma": "no-cache"}


class OAuthView(APIView):
    """For clients that show their secret; errors have the one shape that clients of all makers read."""

    authentication_classes = ()
    permission_classes = ()
    throttle_classes = ()
    # The body is read as it came, in both content types.
    parser_classes = ()

    def answer(self, act: Callable[[str, str, bytes, str], Any]) -> Response:
        """What `act` gives for content type, authorization, body and the client's address; or why it refused."""
        plain = self.request._request
        content_type, authorization = plain.content_type or "", plain.headers.get("Authorization", "")
        try:
            given = act(content_type, authorization, plain.body, str(plain.META.get("REMOTE_ADDR", "")))
        except TokenRefusal as refusal:
            return _refused(refusal)
        return Response(given, headers=NEVER_STORED)


class TokenView(OAuthView):
    """Getting a token."""

    @oauth_schema.issuing
    def post(self, request: Request) -> Response:  # noqa: ARG002 - DRF's signature
        """Exchange client credentials for a token of eight hours; earlier ones go on working."""
        return self.answer(_issue)


class RevocationView(OAuthView):
    """Ending a token."""

    @oauth_schema.revoking
    def post(self, request: Request) -> Response:  # noqa: ARG002 - DRF's signature
        """End a token of this client at once. Revoking the credential ends all of them."""
        return self.answer(_revoke)


def _issue(content_type: str, authorization: str, body: bytes, address: str) -> dict[str, Any]:
    grant = token_request.read_grant(content_type, authorization, body)
    credential = _client(grant.client, address)
    asked = _asked_scopes(grant.scope, credential)
    return {
        "access_token": tokens.issue(credential, clock.now(), asked),
        "expires_in": tokens.LIFETIME_S,
        "token_type": "Bearer",
        "scope": scopes.written(asked or scopes.scopes_of(credential.role)),
    }


def _revoke(content_type: str, authorization: str, body: bytes, address: str) -> None:
    revocation = token_request.read_revocation(content_type, authorization, body)
    tokens.revoke(_client(revocation.client, address), revocation.token)


def _client(pair: ClientPair, address: str) -> ApiCredential:
    if guessing.is_braked(pair.client_id, address):
        raise TokenRefusal(429, "too_many_failures", "Too many wrong secrets: wait a minute and try again.")
    credential = tokens.authenticate_client(pair.client_id, pair.secret)
    if credential is None:
        guessing.count_failure(pair.client_id, address)
        raise TokenRefusal(401, "invalid_client", "The client is unknown, its secret is wrong, or it was revoked.")
    return credential


def _asked_scopes(text: str, credential: ApiCredential) -> Scopes:
    """What the token is narrowed to; none when nothing is said."""
    try:
        asked = scopes.read(text)
    except UnknownScope as error:
        raise TokenRefusal(400, "invalid_scope", str(error)) from None
    given = scopes.scopes_of(credential.role)
    if asked - given:
        told = f"The credential's role gives {scopes.written(given)}; ask for no other scope."
        raise TokenRefusal(400, "invalid_scope", told)
    return asked


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
