"""Typed readers of environment variables. An odd value stops the start with one sentence and exit code 2."""

import base64
import os
import secrets
import sys
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

from cdp_project import variables
from cdp_project.variable_kinds import TRUE_WORDS

EXIT_CODE = 2


class ConfigurationError(SystemExit):
    """Settings that cannot be used; the sentences are printed at once, and no traceback follows."""

    def __init__(self, sentences: list[str]) -> None:
        super().__init__(EXIT_CODE)
        self.sentences = sentences
        sys.stderr.write("".join(f"{sentence}\n" for sentence in sentences))


def check() -> None:
    """Raise ConfigurationError where a variable has a value that cannot be used; what reads them below trusts that."""
    if found := variables.problems(os.environ):
        raise ConfigurationError(found)


def text(name: str, default: str = "") -> str:
    """Value of `name`, or what stands in the file that `{name}_FILE` points at. What is empty counts as not set."""
    if path := os.environ.get(f"{name}_FILE"):
        return Path(path).read_text().strip() or default
    return os.environ.get(name) or default


def flag(name: str, *, default: bool = False) -> bool:
    """True for 1/true/yes/on, False for 0/false/no/off."""
    value = text(name)
    return value.strip().lower() in TRUE_WORDS if value else default


def number(name: str, default: int) -> int:
    """Whole number; its bounds stand in cdp_project.variables."""
    return int(text(name) or default)


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
    parts = urlsplit(url)
    return {
        "ENGINE": "django.db.backends.postgresql",
        "NAME": unquote(parts.path.strip("/")),
        "USER": unquote(parts.username or ""),
        "PASSWORD": unquote(parts.password or ""),
        "HOST": unquote(parts.hostname or ""),
        "PORT": str(parts.port or ""),
    }
