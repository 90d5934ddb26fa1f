"""Issuing and ending keys as people and commands do it: with an entry in the audit log."""

from django.db import transaction

from cdp_project.kernel import clock
from cdp_project.workspaces import audit
from cdp_project.workspaces.audit import Actor
from events.keys import IssuedKey, issue_key
from events.models import Input, InputKey

ISSUED = "key issued"


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
