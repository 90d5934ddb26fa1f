"""Secrets at rest: encrypted when they must be read again, hashed when they need only be compared."""

import hashlib
import hmac
import secrets
from functools import lru_cache

from cryptography.fernet import Fernet, InvalidToken, MultiFernet
from django.conf import settings


class SecretUnreadable(Exception):
    """The stored secret was encrypted with a key that is no longer configured."""


def encrypt(text: str) -> str:
    """Ciphertext under the first of CDP_ENCRYPTION_KEYS."""
    return _box(tuple(settings.CDP_ENCRYPTION_KEYS)).encrypt(text.encode()).decode()


def decrypt(ciphertext: str) -> str:
    """The text again; SecretUnreadable if no configured key fits."""
    try:
        return _box(tuple(settings.CDP_ENCRYPTION_KEYS)).decrypt(ciphertext.encode()).decode()
    except InvalidToken:
        raise SecretUnreadable("No key in CDP_ENCRYPTION_KEYS can read this secret.") from None


@lru_cache(maxsize=4)
def _box(keys: tuple[str, ...]) -> MultiFernet:
    return MultiFernet([Fernet(key) for key in keys])


def fingerprint(secret: str) -> bytes:
    """SHA-256 of a secret that we made ourselves: such secrets are long and random, so no slow hash is due."""
    return hashlib.sha256(secret.encode("utf-8", "surrogatepass")).digest()


def same(first: bytes, second: bytes) -> bool:
    """Comparison in constant time."""
    return hmac.compare_digest(first, second)


def new_secret(nbytes: int = 32) -> str:
    """A random URL-safe text."""
    return secrets.token_urlsafe(nbytes)
