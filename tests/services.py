"""Run a command on a PostgreSQL and a Valkey of its own, which end with it: `python -m tests.services COMMAND...`"""

import os
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from cdp_project.embedded import foreground
from cdp_project.embedded.errors import StartError

# What would lead tests to somebody's data.
FOREIGN_VARIABLES = ("DATABASE_URL", "REDIS_URL", "CELERY_BROKER_URL", "TRIBUTARY_VAR")

ARTEFACTS = Path(__file__).parent / "artefacts"


@contextmanager
def var_folder() -> Iterator[Path]:
    """A fresh var folder that the servers' account can reach (pytest's own are closed to it), removed at the end."""
    with tempfile.TemporaryDirectory(prefix="tributary-", ignore_cleanup_errors=True) as folder:
        Path(folder).chmod(0o711)
        yield Path(folder)


def main() -> int:
    """The command's exit code; 1 with a sentence when the services do not start."""
    for name in FOREIGN_VARIABLES:
        os.environ.pop(name, None)
    try:
        ARTEFACTS.mkdir(exist_ok=True)
        with var_folder() as var, (ARTEFACTS / "services.log").open("w", encoding="utf-8") as log:
            return foreground.run(var, sys.argv[1:], log)
    except StartError as error:
        sys.stderr.write(f"{error}\n")
        return 1


if __name__ == "__main__":
    sys.exit(main())
