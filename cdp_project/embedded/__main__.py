"""`python -m cdp_project.embedded`: the two servers without the product, for development and tests.

run --var DIR -- COMMAND...   start them, run the command with DATABASE_URL and REDIS_URL, stop them
start --var DIR, stop --var DIR   the same in the background
restart --var DIR                 start the processes of `make up` anew, one after the other, while it serves
"""

import argparse
import sys
from pathlib import Path

from cdp_project.embedded import background, foreground
from cdp_project.embedded.address import var_folder
from cdp_project.embedded.errors import StartError


def main() -> int:
    """Do what the command line says; the exit code of COMMAND, or 1 or 2 with a sentence."""
    asked = _parser().parse_args()
    var = asked.var.absolute()
    try:
        match asked.verb:
            case "run":
                return foreground.run(var, asked.command)
            case "start":
                return background.start(var)
            case "restart":
                return background.restart(var)
            case _:
                return background.stop(var)
    except StartError as error:
        sys.stderr.write(f"{error}\n")
        return error.exit_code


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m cdp_project.embedded", description=__doc__)
    verbs = parser.add_subparsers(dest="verb", required=True)
    for verb in ("run", "start", "stop", "restart"):
        sub = verbs.add_parser(verb)
        sub.add_argument("--var", type=Path, default=var_folder(), help="where data and addresses are kept")
        if verb == "run":
            sub.add_argument("command", nargs="+", help="what to run between start and stop")
    return parser


if __name__ == "__main__":
    sys.exit(main())
