"""Opaque access tokens: given for a credential, known by their digest, good for eight hours or until revoked."""

from datetime import datetime, timedelta

from cdp_project.kernel import secretbox
from cdp_project.workspaces.models import AccessToken, ApiCredential

LIFETIME_S = 8 * 3600
TOKEN_CHARACTERS_MOST = 200
FORGET_AT_ONCE = 10_000

# Compared with when there is no such client, so that an unknown one takes as long as a wrong secret.
_NO_DIGEST = bytes(32)


def authenticate_client(client_id: str, secret: str) -> ApiCredential | None:
    """The credential that the pair belongs to; None for an unknown, revoked or wrong one alike."""
    # PostgreSQL refuses text with NUL.
    known = "\x00" not in client_id
    credential = ApiCredential.objects.filter(client_id=client_id, revoked_at=None).first() if known else None
    digest = _NO_DIGEST if credential is None else bytes(credential.secret_digest)
    return credential if secretbox.same(secretbox.fingerprint(secret), digest) else None


def issue(credential: ApiCredential, now: datetime) -> str:
    """A new token; earlier ones go on working."""
    token = secretbox.new_secret()
    AccessToken.objects.create(
        credential=credential,
        digest=secretbox.fingerprint(token),
        created_at=now,
        expires_at=now + timedelta(seconds=LIFETIME_S),
    )
    return token


def credential_of(token: str, now: datetime) -> ApiCredential | None:
    """The credential behind a token, with its workspace; None when unknown, expired or revoked."""
    if not token or len(token) > TOKEN_CHARACTERS_MOST:
        return None
    return (
        ApiCredential.objects.select_related("workspace")
        .filter(tokens__digest=secretbox.fingerprint(token), tokens__expires_at__gt=now, revoked_at=None)
        .first()
    )


def forget_expired(now: datetime) -> int:
    """Delete tokens that nobody can use any more, a bounded number at a time; returns how many."""
    old = AccessToken.objects.filter(expires_at__lte=now).order_by("expires_at").values("pk")[:FORGET_AT_ONCE]
    return AccessToken.objects.filter(pk__in=old).delete()[0]
