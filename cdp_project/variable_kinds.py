"""What may stand in an environment variable: each check tells what to write instead, or None when all is well. Pure."""

import base64
import binascii
import logging
from collections.abc import Callable
from urllib.parse import urlsplit

from cdp_project.kernel.addresses import allowances

Check = Callable[[str], str | None]

TRUE_WORDS = {"1", "true", "yes", "on"}
FALSE_WORDS = {"0", "false", "no", "off"}
FERNET_KEY_BYTES = 32
PORTS = range(1, 65_536)
# More digits are no number that anything here could use.
DIGITS_MOST = 18


def anything(_value: str) -> str | None:
    """Any text."""
    return None


def yes_or_no(value: str) -> str | None:
    return None if value.strip().lower() in TRUE_WORDS | FALSE_WORDS else "write 1 or 0"


def number(least: int, most: int | None = None) -> Check:
    """A whole number within bounds."""

    def check(value: str) -> str | None:
        is_number = value.isascii() and value.isdigit() and len(value) <= DIGITS_MOST
        if is_number and int(value) >= least and (most is None or int(value) <= most):
            return None
        return f"write a whole number {f'of at least {least}' if most is None else f'from {least} to {most}'}"

    return check


def port(value: str) -> str | None:
    return None if number(PORTS[0], PORTS[-1])(value) is None else "write the number of a port, from 1 to 65535"


def log_level(value: str) -> str | None:
    levels = ("DEBUG", "INFO", "WARNING", "ERROR", "CRITICAL")
    return None if value in logging.getLevelNamesMapping() else f"write one of {', '.join(levels)}"


def networks(value: str) -> str | None:
    """Comma separated private networks, each perhaps with a port."""
    try:
        allowances(word.strip() for word in value.split(",") if word.strip())
    except ValueError:
        return "write networks such as 10.1.0.0/16 or 127.0.0.1/32:8099, with commas between them"
    return None


def address_list(value: str) -> str | None:
    """Comma separated origins as Django wants them."""
    origins = [word.strip() for word in value.split(",") if word.strip()]
    if all(origin.startswith(("http://", "https://")) for origin in origins):
        return None
    return "write origins such as https://cdp.example.com, with commas between them"


def fernet_keys(value: str) -> str | None:
    """Comma separated keys of 32 bytes in URL-safe base64."""
    if all(_is_fernet_key(word.strip()) for word in value.split(",") if word.strip()):
        return None
    return "each key is 32 random bytes in URL-safe base64, as `openssl rand -base64 32 | tr +/ -_` makes one"


def _is_fernet_key(word: str) -> bool:
    try:
        return len(base64.urlsafe_b64decode(word)) == FERNET_KEY_BYTES
    except (binascii.Error, ValueError):
        return False


def database_url(value: str) -> str | None:
    parts = urlsplit(value)
    if parts.scheme in {"postgres", "postgresql"} and parts.path.strip("/") and _has_sane_port(value):
        return None
    return "write postgresql://user:password@host:5432/name"


def store_url(*schemes: str) -> Check:
    """An address of Valkey, or of a broker."""

    def check(value: str) -> str | None:
        if urlsplit(value).scheme in schemes and urlsplit(value).hostname and _has_sane_port(value):
            return None
        return f"write {' or '.join(f'{scheme}://…' for scheme in schemes)}, for example {schemes[0]}://host:6379/0"

    return check


def _has_sane_port(url: str) -> bool:
    try:
        return urlsplit(url).port != 0
    except ValueError:
        return False
