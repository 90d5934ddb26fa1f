"""Typed readers of environment variables. An odd value stops the start with one sentence."""

import base64
import os
import secrets
from pathlib import Path
from typing import Any
from urllib.parse import ParseResult, unquote, urlparse

TRUE_WORDS = {"1", "true", "yes", "on"}
FALSE_WORDS = {"0", "false", "no", "off", ""}


class ConfigurationError(SystemExit):
    """A setting that cannot be used; the message is printed as it is."""


def text(name: str, default: str = "") -> str:
    """Value of `name`, or what stands in the file that `{name}_FILE` points at."""
    if path := os.environ.get(f"{name}_FILE"):
        return Path(path).read_text().strip()
    return os.environ.get(name, default)


def flag(name: str, *, default: bool = False) -> bool:
    """True for 1/true/yes/on, False for 0/false/no/off."""
    value = os.environ.get(name)
    if value is None:
        return default
    word = value.strip().lower()
    if word in TRUE_WORDS:
        return True
    if word in FALSE_WORDS:
        return False
    raise ConfigurationError(f"{name}={value!r} is neither yes nor no; use 1 or 0.")


def number(name: str, default: int, *, least: int = 0, most: int | None = None) -> int:
    """Whole number within bounds."""
    value = os.environ.get(name)
    if value is None:
        return default
    try:
        result = int(value)
    except ValueError:
        raise ConfigurationError(f"{name}={value!r} is not a whole number.") from None
    if result < least or (most is not None and result > most):
        raise ConfigurationError(f"{name}={result} is outside {least}..{'' if most is None else most}.")
    return result


def words(name: str, default: str = "") -> list[str]:
    """Comma separated list without empty entries."""
    return [word.strip() for word in text(name, default).split(",") if word.strip()]


def kept_secret(path: Path) -> str:
    """A random key of 32 bytes (URL-safe base64), made once and kept in a file that only its owner reads."""
    try:
        return path.read_text().strip()
    except FileNotFoundError:
        path.parent.mkdir(parents=True, exist_ok=True)
    key = base64.urlsafe_b64encode(secrets.token_bytes(32)).decode()
    # Written aside and linked into place: of two first starts at once, one key wins and both read it.
    aside = path.with_name(f"{path.name}.{os.getpid()}.new")
    with os.fdopen(os.open(aside, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as file:
        file.write(key)
    try:
        os.link(aside, path)
    except FileExistsError:
        return path.read_text().strip()
    finally:
        aside.unlink()
    return key


def database(url: str) -> dict[str, Any]:
    """Django's connection settings from `postgresql://user:password@host:port/name`."""
    parts = urlparse(url)
    if parts.scheme not in {"postgres", "postgresql"} or not parts.path.strip("/"):
        raise ConfigurationError("DATABASE_URL must look like postgresql://user:password@host:5432/name.")
    return {
        "ENGINE": "django.db.backends.postgresql",
        "NAME": unquote(parts.path.strip("/")),
        "USER": unquote(parts.username or ""),
        "PASSWORD": unquote(parts.password or ""),
        "HOST": unquote(parts.hostname or ""),
        "PORT": str(_port(parts)),
    }


def _port(parts: ParseResult) -> int | str:
    try:
        return parts.port or ""
    except ValueError:
        raise ConfigurationError("DATABASE_URL has a port that is no number.") from None
