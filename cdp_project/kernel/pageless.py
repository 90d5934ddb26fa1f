"""Processes that work behind the web show no page and answer no call: they leave the console and the API unloaded.

That is a third of their memory and of their start.
"""

import sys
from collections.abc import Sequence

LOOPS = {"run_pipeline", "run_deliveries"}


def is_pageless(argv: Sequence[str] = sys.argv) -> bool:
    """Told by the command line: a hot loop, or Celery, whose program is called so or `…/celery/__main__.py`."""
    program, command = (*argv, "", "")[:2]
    # While `-m celery` is being found, the interpreter has only its options.
    return command in LOOPS or "celery" in program.replace("\\", "/").split("/") or program == "-m"
