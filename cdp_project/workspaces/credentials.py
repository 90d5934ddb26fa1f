"""Credentials of programs: issuing them (the secret is shown that once), and revoking them with all their tokens."""

import secrets
from datetime import datetime

from cdp_project.kernel import secretbox
from cdp_project.workspaces import audit
from cdp_project.workspaces.audit import Actor
from cdp_project.workspaces.models import ApiCredential

CLIENT_ID_BYTES = 16


def issue(actor: Actor, credential: ApiCredential) -> str:
    """Store a new credential (workspace, name and role are set) and return its secret."""
    secret = secretbox.new_secret()
    credential.client_id = secrets.token_hex(CLIENT_ID_BYTES)
    credential.secret_digest = secretbox.fingerprint(secret)
    with audit.changing(actor, credential):
        credential.save()
    return secret


def revoke(actor: Actor, credential: ApiCredential, now: datetime) -> None:
    """End the credential and every token that it was exchanged for. A second time changes nothing."""
    if credential.revoked_at is not None:
        return
    with audit.changing(actor, credential):
        credential.revoked_at = now
        credential.save(update_fields=["revoked_at"])
        credential.tokens.all().delete()
