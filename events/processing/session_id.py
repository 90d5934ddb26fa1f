"""Which session an event belongs to. Pure."""

import hashlib
from functools import lru_cache
from typing import Any


def session_id(data: dict[str, Any]) -> int | None:
    """63 bits that stand for the client's session_uuid (reference 2.1.6); else the number that the client gave."""
    session_uuid = data.get("session_uuid")
    if type(session_uuid) is str and session_uuid:
        return _hashed(session_uuid)
    given = data.get("session_id")
    return given if type(given) is int and -(2**63) <= given < 2**63 else None


@lru_cache(maxsize=4096)
def _hashed(session_uuid: str) -> int:
    hashed = hashlib.blake2b(session_uuid.lower().encode(), digest_size=8).digest()
    return int.from_bytes(hashed, "big") >> 1
