"""Opaque access tokens: given for a credential, known by their digest, good for eight hours or until revoked."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from cdp_project.kernel import secretbox
from cdp_project.workspaces import scopes
from cdp_project.workspaces.models import AccessToken, ApiCredential
from cdp_project.workspaces.scopes import Scopes

LIFETIME_S = 8 * 3600
TOKEN_CHARACTERS_MOST = 200
FORGET_AT_ONCE = 10_000

# Compared with when there is no such client, so that an unknown one takes as long as a wrong secret.
_NO_DIGEST = bytes(32)


@dataclass(frozen=True, slots=True)
class Held:
    """What a token stands for: a credential with its workspace, and the scopes that the token carries."""

    credential: ApiCredential
    scopes: Scopes


def authenticate_client(client_id: str, secret: str) -> ApiCredential | None:
    """The credential that the pair belongs to; None for an unknown, revoked or wrong one alike."""
    # PostgreSQL refuses text with NUL.
    known = "\x00" not in client_id
    credential = ApiCredential.objects.filter(client_id=client_id, revoked_at=None).first() if known else None
    digest = _NO_DIGEST if credential is None else bytes(credential.secret_digest)
    return credential if secretbox.same(secretbox.fingerprint(secret), digest) else None


def issue(credential: ApiCredential, now: datetime, narrowed_to: Scopes = frozenset()) -> str:
    """A new token; earlier ones go on working. It carries all that the role gives unless it is narrowed."""
    token = secretbox.new_secret()
    AccessToken.objects.create(
        credential=credential,
        digest=secretbox.fingerprint(token),
        scope=scopes.written(narrowed_to),
        created_at=now,
        expires_at=now + timedelta(seconds=LIFETIME_S),
    )
    return token


def held_by(token: str, now: datetime) -> Held | None:
    """What is behind a token; None when it is unknown, expired or revoked."""
    if not token or len(token) > TOKEN_CHARACTERS_MOST:
        return None
    found = (
        AccessToken.objects.select_related("credential__workspace")
        .filter(digest=secretbox.fingerprint(token), expires_at__gt=now, credential__revoked_at=None)
        .first()
    )
    if found is None:
        return None
    # The role is asked each time: a credential that lost rights must not keep them in an old token.
    given = scopes.scopes_of(found.credential.role)
    return Held(found.credential, given & scopes.read(found.scope) if found.scope else given)


def revoke(credential: ApiCredential, token: str) -> None:
    """End one token of the credential at once; that of another one, or none at all, changes nothing (RFC 7009)."""
    credential.tokens.filter(digest=secretbox.fingerprint(token)).delete()


def forget_expired(now: datetime) -> int:
    """Delete tokens that nobody can use any more, a bounded number at a time; returns how many."""
    old = AccessToken.objects.filter(expires_at__lte=now).order_by("expires_at").values("pk")[:FORGET_AT_ONCE]
    return AccessToken.objects.filter(pk__in=old).delete()[0]
