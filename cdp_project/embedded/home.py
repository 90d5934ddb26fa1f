"""The folder of the embedded servers, `var/servers`, at a place that the servers' account can reach."""

import hashlib
from pathlib import Path

from cdp_project.embedded.account import Account, can_use, hand_over
from cdp_project.embedded.errors import told_in_a_sentence

# For root whose checkout lies in a closed home folder: the servers' account cannot pass through that,
# and opening somebody's home is not ours to do.
SYSTEM_FOLDER = Path("/var/lib/tributary")


def make_var(var: Path, account: Account | None) -> None:
    """Make the folder of everything that we write; others may pass through it only where the servers must."""
    with told_in_a_sentence(var):
        # The web server complains where there is no folder for collected static files, also when it needs none.
        (var / "static").mkdir(parents=True, exist_ok=True)
        var.chmod(0o711 if account else 0o700)


def server_home(var: Path, account: Account | None) -> Path:
    """`var/servers`, made at the first call; a link into SYSTEM_FOLDER where `var` is closed to `account`."""
    home = var / "servers"
    with told_in_a_sentence(var):
        if not home.exists():
            home.unlink(missing_ok=True)
            place = home if can_use(var, account, how="-x") else _place_outside(var)
            place.mkdir(parents=True, exist_ok=True, mode=0o700)
            hand_over(place, account)
            if place != home:
                home.symlink_to(place)
    return home.resolve()


def server_folder(home: Path, name: str, account: Account | None) -> Path:
    """A folder below `home` that belongs to the servers' account alone."""
    folder = home / name
    with told_in_a_sentence(home):
        folder.mkdir(exist_ok=True, mode=0o700)
        hand_over(folder, account)
    return folder


def _place_outside(var: Path) -> Path:
    SYSTEM_FOLDER.mkdir(parents=True, exist_ok=True, mode=0o755)
    return SYSTEM_FOLDER / hashlib.sha256(str(var).encode()).hexdigest()[:12]
