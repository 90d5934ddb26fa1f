"""Issuing and ending keys; as people and commands do it, with an entry in the audit log."""

import secrets
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db import transaction
from django.db.models import Q

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


def rotate(actor: Actor, source: Input, overlap: timedelta) -> IssuedKey:
    """A new key; those that there are end after the overlap, unless they end earlier anyway."""
    at = clock.now() + overlap
    with transaction.atomic():
        lasting = source.keys.filter(Q(expires_at=None) | Q(expires_at__gt=at)).order_by("pk")
        for key in lasting.select_for_update():
            _end_at(actor, key, at)
        return issue(actor, source)


def end(actor: Actor, key: InputKey) -> None:
    """What uses the key is refused within two seconds. One that has ended already stays as it is."""
    now = clock.now()
    if key.expires_at is None or key.expires_at > now:
        _end_at(actor, key, now)


def _end_at(actor: Actor, key: InputKey, at: datetime) -> None:
    with audit.changing(actor, key):
        key.expires_at = at
        key.save(update_fields=["expires_at"])
