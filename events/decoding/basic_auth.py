"""Key and secret of an `Authorization: Basic` header. Pure."""

import binascii
from collections.abc import Mapping

from events.intake.refusals import wrong_credentials
from events.protocol import Credentials


def basic_credentials(headers: Mapping[str, str]) -> Credentials | None:
    """What the header shows; None for none or an empty one (wire.md 4). IntakeRefusal if it cannot be read."""
    header = headers.get("authorization", "").strip()
    if not header:
        return None
    scheme, _, encoded = header.partition(" ")
    try:
        text = binascii.a2b_base64(encoded.strip(), strict_mode=True).decode()
    except (binascii.Error, ValueError):
        raise wrong_credentials() from None
    key, separator, secret = text.partition(":")
    if scheme.lower() != "basic" or not separator or "\0" in key:
        raise wrong_credentials()
    return Credentials(key, secret)
