"""A new secret on its way from the request that made it to the page that shows it: reloading that makes no other."""

import msgspec
from django.http import HttpRequest

from cdp_project.kernel import secretbox
from cdp_project.kernel.secretbox import SecretUnreadable

Values = list[tuple[str, str]]
"""What is shown, with its labels."""

_PREFIX = "shown once: "


def keep(request: HttpRequest, about: str, values: Values) -> None:
    """For the next page of this person; encrypted, because sessions are rows like others."""
    request.session[_PREFIX + about] = secretbox.encrypt(msgspec.json.encode(values).decode())


def take(request: HttpRequest, about: str) -> Values | None:
    """What was kept, this once; None when nothing was, or it was shown before."""
    kept = request.session.pop(_PREFIX + about, None)
    if kept is None:
        return None
    try:
        return msgspec.json.decode(secretbox.decrypt(kept), type=Values)
    except SecretUnreadable:
        return None
