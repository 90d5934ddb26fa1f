"""Whether the embedded database has seen the migrations of this checkout: then a start need not wait for them."""

import hashlib
import os
from pathlib import Path

from cdp_project.embedded.address import CHECKOUT

# Beside the data, so that it goes when the data goes.
NOTE = "servers/prepared"


def is_prepared(var: Path) -> bool:
    """True when the last complete start on these data had the same migrations; never for a database elsewhere."""
    note = var / NOTE
    return not os.environ.get("DATABASE_URL") and note.exists() and note.read_text(encoding="ascii") == _fingerprint()


def remember_prepared(var: Path) -> None:
    """Note that this checkout's migrations are in."""
    if not os.environ.get("DATABASE_URL"):
        (var / NOTE).write_text(_fingerprint(), encoding="ascii")


def _fingerprint() -> str:
    # The lock file stands for the migrations of the packages.
    ours = (*CHECKOUT.glob("*/migrations/*.py"), *CHECKOUT.glob("*/*/migrations/*.py"))
    files = [CHECKOUT / "requirements.lock", *sorted(ours)]
    digest = hashlib.sha256()
    for file in files:
        digest.update(f"{file.relative_to(CHECKOUT)}\n".encode() + file.read_bytes())
    return digest.hexdigest()
