"""Files that hold secrets: never readable by others, not even while they are being written."""

import os
import secrets
from pathlib import Path


def write_private(path: Path, text: str, owner: tuple[int, int] | None = None) -> None:
    """Replace `path` by a 0600 file, whole or not at all; `owner` is a uid and gid to hand it to."""
    draft = path.with_name(f".{path.name}.{secrets.token_hex(4)}")
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        with os.fdopen(descriptor, "w", encoding="utf-8") as file:
            file.write(text)
        if owner:
            os.chown(draft, *owner)
        draft.replace(path)
    except BaseException:
        draft.unlink(missing_ok=True)
        raise


def private_secret(path: Path, owner: tuple[int, int] | None = None) -> str:
    """The secret kept in `path`; made at the first call."""
    if not path.exists():
        write_private(path, secrets.token_urlsafe(24), owner)
    return path.read_text(encoding="utf-8").strip()
