"""Named places where tests let a process die or fail. Without CDP_FAILPOINTS they cost one dictionary look-up.

CDP_FAILPOINTS="intake.after_commit=kill:0.1,pipeline.before_commit=error" kills the process at the first
place with probability 0.1 and raises at the second.
"""

import os
import random
import signal
from dataclasses import dataclass


class InjectedFailure(Exception):
    """Raised at a failpoint in error mode: the process might as well have died here. Nothing of ours mends it."""


@dataclass(frozen=True, slots=True)
class _Failure:
    action: str
    probability: float


def _parse(text: str) -> dict[str, _Failure]:
    found = {}
    for entry in filter(None, text.split(",")):
        name, _, how = entry.partition("=")
        action, _, probability = how.partition(":")
        if action not in {"kill", "error"}:
            raise ValueError(f"CDP_FAILPOINTS: {entry!r} must read name=kill or name=error, with :probability.")
        found[name.strip()] = _Failure(action, float(probability or 1))
    return found


_failures = _parse(os.environ.get("CDP_FAILPOINTS", ""))


def failpoint(name: str) -> None:
    """Die or raise here if a test asked for it at the start of the process."""
    failure = _failures.get(name)
    if failure is None or random.random() >= failure.probability:  # noqa: S311 - chance, not secrecy
        return
    # Past every logger: a process that dies in the next line flushes nothing.
    os.write(2, f"failpoint {name} struck\n".encode())
    if failure.action == "kill":
        os.kill(os.getpid(), signal.SIGKILL)
    raise InjectedFailure(name)
