"""Credentials of programs: issuing them (the secret is shown that once), and revoking them with all their tokens."""

import secrets
from datetime import datetime

import structlog
from django.db import transaction

from cdp_project.kernel import secretbox
from cdp_project.workspaces import audit
from cdp_project.workspaces.audit import Actor
from cdp_project.workspaces.models import ApiCredential, Role

log = structlog.get_logger(__name__)

CLIENT_ID_BYTES = 16


def issue_for_installation(name: str) -> tuple[ApiCredential, str]:
    """Credentials that list and make workspaces, with their secret. No workspace's audit log tells of them."""
    # The role opens nothing without a workspace; tokens take their scopes from it.
    credential = ApiCredential(workspace=None, name=name, role=Role.ADMIN)
    secret = _draw(credential)
    credential.save()
    log.info("installation credential issued", name=name, client_id=credential.client_id)
    return credential, secret


def revoke_for_installation(credential: ApiCredential, now: datetime) -> None:
    """End them with every token. A second time changes nothing."""
    with transaction.atomic():
        ApiCredential.objects.filter(pk=credential.pk, revoked_at=None).update(revoked_at=now)
        credential.tokens.all().delete()
    log.info("installation credential revoked", name=credential.name, client_id=credential.client_id)


def _draw(credential: ApiCredential) -> str:
    secret = secretbox.new_secret()
    credential.client_id = secrets.token_hex(CLIENT_ID_BYTES)
    credential.secret_digest = secretbox.fingerprint(secret)
    return secret


def issue(actor: Actor, credential: ApiCredential) -> str:
    """Store a new credential (workspace, name and role are set) and return its secret."""
    secret = _draw(credential)
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
