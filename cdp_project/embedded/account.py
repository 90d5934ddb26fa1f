"""The operating system's user that runs the servers. PostgreSQL refuses to run as root."""

import os
import pwd
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import TypedDict

OWN_ACCOUNT = "tributary"


@dataclass(frozen=True)
class Account:
    """A user to drop to: numbers and name as in the password file."""

    name: str
    uid: int
    gid: int

    @property
    def owner(self) -> tuple[int, int]:
        return self.uid, self.gid


def server_account() -> Account | None:
    """Whom root drops to: `postgres`, else a user of our own, else `nobody`; None when we are not root."""
    if os.geteuid() != 0:
        return None
    return _find("postgres") or _find(OWN_ACCOUNT) or _create() or _find("nobody")


def can_use(path: Path, account: Account | None, *, how: str = "-r") -> bool:
    """Whether `account` (None: we ourselves) may read (-r), write (-w) or enter (-x) `path`."""
    # Asked of the system itself, which also knows access lists and mounts.
    asked = run_as(account, ["test", how, str(path)])
    return asked.returncode == 0


class Drop(TypedDict, total=False):
    """The arguments of `subprocess` that change the user."""

    user: int
    group: int
    extra_groups: list[int]


def dropping_to(account: Account | None) -> Drop:
    """Arguments that start a process as `account`; none when it is to run as we do."""
    return Drop(user=account.uid, group=account.gid, extra_groups=[]) if account else Drop()


def run_as(account: Account | None, argv: list[str], typed: str | None = None) -> subprocess.CompletedProcess[str]:
    """Run a short command as `account` from the root folder and hand back what it printed."""
    return subprocess.run(
        argv,
        cwd="/",
        env=server_environment(),
        input=typed,
        capture_output=True,
        text=True,
        check=False,
        **dropping_to(account),
    )


def server_environment() -> dict[str, str]:
    """What a server sees of our environment: nothing but the search path, and English messages."""
    return {"PATH": os.environ.get("PATH", os.defpath), "LC_ALL": "C", "TZ": "UTC"}


def hand_over(path: Path, account: Account | None) -> None:
    """Give a folder to the servers' account."""
    if account:
        os.chown(path, *account.owner)


def _find(name: str) -> Account | None:
    try:
        entry = pwd.getpwnam(name)
    except KeyError:
        return None
    return Account(name, entry.pw_uid, entry.pw_gid)


def _create() -> Account | None:
    if not shutil.which("useradd"):
        return None
    subprocess.run(
        [
            "useradd",
            "--system",
            "--user-group",
            "--no-create-home",
            "--shell",
            "/usr/sbin/nologin",
            OWN_ACCOUNT,
        ],
        capture_output=True,
        check=False,
    )
    return _find(OWN_ACCOUNT)
