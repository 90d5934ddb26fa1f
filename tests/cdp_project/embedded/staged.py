"""A supervisor with four little programs, for tests that end it: `python -m tests...staged VAR`.

Each program writes its process id to VAR/NAME.pid, and its name to VAR/ended when it is asked to end.
"""

import asyncio
import os
import sys
from pathlib import Path

from cdp_project.embedded.lock import RunLock
from cdp_project.embedded.output import Output
from cdp_project.embedded.program import Program
from cdp_project.embedded.supervisor import Supervisor

OBEDIENT = """
import os, pathlib, signal, subprocess, sys
var, name = pathlib.Path(sys.argv[1]), sys.argv[2]
def end(*_):
    with (var / "ended").open("a") as file:
        file.write(name + "\\n")
    sys.exit()
signal.signal(signal.SIGTERM, end)
if name == "first":
    child = subprocess.Popen(["sleep", "600"])
    (var / "grandchild.pid").write_text(str(child.pid))
(var / f"{name}.pid").write_text(str(os.getpid()))
print("running", flush=True)
while True:
    signal.pause()
"""
STUBBORN = "import signal; signal.signal(signal.SIGTERM, signal.SIG_IGN)\n" + OBEDIENT.replace(
    "signal.signal(signal.SIGTERM, end)\n", ""
)


def program(var: Path, name: str, turn: int, code: str = OBEDIENT) -> Program:
    """One program of the stage."""
    argv = (sys.executable, "-c", code, str(var), name)
    return Program(name, argv, os.environ, var, stop_turn=turn, stop_seconds=5, ready_mark="running")


async def _run(var: Path) -> None:
    programs = [
        program(var, "third", 3),
        program(var, "second", 2),
        program(var, "first", 1),
    ]
    async with Supervisor(RunLock(var), Output()) as supervisor:
        await supervisor.start_ready(programs)
        (var / "ready").touch()
        await supervisor.asked_to_stop.wait()


if __name__ == "__main__":
    asyncio.run(_run(Path(sys.argv[1])))
