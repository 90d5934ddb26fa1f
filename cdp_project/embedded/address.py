"""Where the embedded servers listen at this moment. Reads one file, starts nothing."""

import json
import os
from pathlib import Path

ADDRESS_FILE = "embedded.json"
CHECKOUT = Path(__file__).resolve().parents[2]


def var_folder() -> Path:
    """The folder of everything that the product writes: TRIBUTARY_VAR, else `var/` in the checkout."""
    return Path(os.environ.get("TRIBUTARY_VAR") or CHECKOUT / "var").absolute()


def database_url(var: Path) -> str | None:
    """The address of the embedded PostgreSQL with its password, or None while it does not run."""
    return _read(var).get("database_url")


def redis_url(var: Path) -> str | None:
    """The address of the embedded Valkey with its password, or None while it does not run."""
    return _read(var).get("redis_url")


def site(var: Path) -> tuple[str | None, str | None]:
    """Host and port of the product that runs in this folder; None each while none does."""
    noted = _read(var)
    return noted.get("host"), noted.get("port")


def _read(var: Path) -> dict[str, str]:
    try:
        found = json.loads((var / ADDRESS_FILE).read_bytes())
    except (OSError, ValueError):
        return {}
    return found if isinstance(found, dict) else {}
