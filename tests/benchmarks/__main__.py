"""Run every benchmark, or the ones named: `python -m tests.benchmarks [intake ...]`."""

import pkgutil
import subprocess
import sys
from pathlib import Path

NO_BENCHMARKS = {"__main__", "load", "receiver"}
CHECKOUT = Path(__file__).resolve().parents[2]


def names() -> list[str]:
    """Benchmarks by name."""
    modules = pkgutil.iter_modules([str(Path(__file__).parent)])
    return sorted(module.name for module in modules if module.name not in NO_BENCHMARKS)


def main() -> int:
    subprocess.check_call([sys.executable, "manage.py", "migrate", "--verbosity", "0"], cwd=CHECKOUT)
    for name in sys.argv[1:] or names():
        print(f"\n{name}", flush=True)
        code = subprocess.call([sys.executable, "-m", f"tests.benchmarks.{name}"])
        if code:
            return code
    return 0


if __name__ == "__main__":
    sys.exit(main())
