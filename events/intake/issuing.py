"""Issuing and ending keys; as people and commands do it, with an entry in the audit log."""

import secrets
from dataclasses import dataclass
from datetime import datetime

from django.db import transaction

from cdp_project.kernel import clock, secretbox
from cdp_project.workspaces import audit
from cdp_project.workspaces.audit import Actor
from events.models import Input, InputKey

ISSUED = "key issued"


@dataclass(frozen=True, slots=True)
class IssuedKey:
    """A key with its secret, which is shown this once."""

    key: str
    secret: str


def issue_key(source: Input, now: datetime) -> IssuedKey:
    """A new key of the input, without an entry in the audit log. Keys that it already has go on working."""
    issued = IssuedKey(secrets.token_hex(16), secretbox.new_secret())
    InputKey.objects.create(
        input=source,
        key=issued.key,
        secret_encrypted=secretbox.encrypt(issued.secret),
        secret_digest=secretbox.fingerprint(issued.secret),
        created_at=now,
    )
    return issued


def issue(actor: Actor, source: Input) -> IssuedKey:
    """A new key with its secret, which is shown this once. Keys that the input has go on working."""
    with transaction.atomic():
        issued = issue_key(source, clock.now())
        audit.record(actor, ISSUED, source, None, {"key": issued.key, "secret": issued.secret})
    return issued


def end(actor: Actor, key: InputKey) -> None:
    """What uses the key is refused within two seconds."""
    with audit.changing(actor, key):
        key.expires_at = clock.now()
        key.save(update_fields=["expires_at"])
