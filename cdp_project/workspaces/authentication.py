"""Bearer authentication of our own APIs by opaque tokens (reference: hosts and authentication, 2.0)."""

from dataclasses import dataclass

from rest_framework.authentication import BaseAuthentication, get_authorization_header
from rest_framework.exceptions import AuthenticationFailed
from rest_framework.request import Request

from cdp_project.kernel import clock
from cdp_project.workspaces import tokens
from cdp_project.workspaces.models import ApiCredential
from cdp_project.workspaces.scopes import Scopes

CHALLENGE = 'Bearer realm="Tributary"'
REFUSED = "The access token is unknown, expired or revoked: get a new one from POST /oauth/token."


@dataclass(frozen=True, slots=True)
class Program:
    """Who calls when it is no person; what it may do is on its credential, perhaps narrowed by its token's scopes."""

    credential: ApiCredential
    scopes: Scopes
    is_authenticated: bool = True
    is_active: bool = True


class BearerAuthentication(BaseAuthentication):
    """`Authorization: Bearer <token>`; request.auth becomes the ApiCredential."""

    def authenticate(self, request: Request) -> tuple[Program, ApiCredential] | None:
        """None without a Bearer header, so that the view answers 401; AuthenticationFailed for a bad token."""
        scheme, _, token = get_authorization_header(request).partition(b" ")
        if scheme.lower() != b"bearer":
            return None
        held = tokens.held_by(token.strip().decode("latin-1"), clock.now())
        if held is None:
            raise AuthenticationFailed(REFUSED)
        return Program(held.credential, held.scopes), held.credential

    def authenticate_header(self, request: Request) -> str:  # noqa: ARG002 - DRF's signature
        return CHALLENGE
