"""The supervisor: order of stopping, restarts, and that nothing outlives it."""

import asyncio
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from cdp_project.embedded import child
from cdp_project.embedded.address import CHECKOUT
from cdp_project.embedded.child import Child
from cdp_project.embedded.errors import StartError
from cdp_project.embedded.guard import is_alive
from cdp_project.embedded.guarded import Guarded
from cdp_project.embedded.lock import RunLock, holder_of
from cdp_project.embedded.output import Output
from cdp_project.embedded.program import Program
from cdp_project.embedded.supervisor import Supervisor
from tests.cdp_project.embedded.conftest import wait_until
from tests.cdp_project.embedded.staged import STUBBORN, program

Stage = subprocess.Popen[bytes]


@pytest.fixture
def stage(var: Path) -> Iterator[Stage]:
    process = subprocess.Popen([sys.executable, "-m", "tests.cdp_project.embedded.staged", str(var)], cwd=CHECKOUT)
    try:
        wait_until((var / "ready").exists, "the stage is set")
        yield process
    finally:
        if process.poll() is None:
            process.terminate()
        process.wait(30)


def pids(var: Path) -> list[int]:
    return [int(file.read_text()) for file in var.glob("*.pid")]


def test_programs_end_turn_by_turn(var: Path, stage: Stage) -> None:
    stage.terminate()
    assert stage.wait(30) == 0
    assert (var / "ended").read_text().split() == ["first", "second", "third"]
    assert [pid for pid in pids(var) if is_alive(pid)] == []


def test_two_signals_at_once_are_one_request(var: Path, stage: Stage) -> None:
    stage.send_signal(signal.SIGTERM)
    stage.send_signal(signal.SIGINT)
    assert stage.wait(30) == 0
    assert (var / "ended").read_text().split() == ["first", "second", "third"]


@pytest.mark.parametrize(("seconds_between", "is_hurry"), [(1.9, False), (2.1, True)])
def test_a_second_signal_is_hurry_when_it_comes_later(
    var: Path, monkeypatch: pytest.MonkeyPatch, seconds_between: float, *, is_hurry: bool
) -> None:
    lock = RunLock(var)
    clock = iter([100.0, 100.0 + seconds_between])
    supervisor = Supervisor(lock, Output())
    monkeypatch.setattr("cdp_project.embedded.supervisor.time.monotonic", lambda: next(clock))
    for _ in range(2):
        supervisor._on_signal()
    monkeypatch.undo()
    assert supervisor.asked_to_stop.is_set()
    assert supervisor._hurry.is_set() is is_hurry
    supervisor.guarded.close()
    lock.release()


def test_in_a_hurry_the_first_signal_still_has_its_least_time(var: Path) -> None:
    lock = RunLock(var)

    async def scene() -> None:
        guarded = Guarded(lock.descriptor)
        careful = replace(program(var, "careful", 0), hurried_stop_seconds=20, second_signal=signal.SIGQUIT)
        obedient = Child(careful, guarded, Output())
        obedient.start()
        await obedient.wait_ready()
        await obedient.stop(hurry=True)
        guarded.close()

    asyncio.run(scene())
    assert (var / "ended").read_text().split() == ["careful"]
    lock.release()


def test_a_killed_supervisor_leaves_no_orphan_and_frees_the_folder(var: Path, stage: Stage) -> None:
    assert len(pids(var)) == 4
    assert all(map(is_alive, pids(var)))
    stage.kill()
    stage.wait(30)
    # The lock comes free only when the guard has ended everything.
    RunLock(var).release()
    assert [pid for pid in pids(var) if is_alive(pid)] == []
    assert sorted((var / "ended").read_text().split()) == ["first", "second", "third"]


def test_a_killed_program_comes_back(var: Path, stage: Stage) -> None:
    before = int((var / "second.pid").read_text())
    os.kill(before, signal.SIGKILL)
    wait_until(lambda: (var / "second.pid").read_text() not in {"", str(before)}, "a new process")
    assert stage.poll() is None


def test_what_a_killed_program_left_is_ended_before_it_comes_back(var: Path, stage: Stage) -> None:
    left = int((var / "grandchild.pid").read_text())
    os.kill(int((var / "first.pid").read_text()), signal.SIGKILL)
    wait_until(lambda: not is_alive(left), "the end of what it left")
    assert stage.poll() is None


def test_a_second_run_on_the_same_folder_is_refused(var: Path, stage: Stage) -> None:
    with pytest.raises(StartError, match=f"already runs on {var} \\(process {stage.pid}\\)"):
        RunLock(var)
    assert holder_of(var) == stage.pid


def test_a_program_that_ignores_the_signal_is_killed(var: Path) -> None:
    lock = RunLock(var)

    async def scene() -> int:
        guarded = Guarded(lock.descriptor)
        stubborn = Child(program(var, "stubborn", 0, STUBBORN), guarded, Output())
        stubborn.start()
        await stubborn.wait_ready()
        pid = int((var / "stubborn.pid").read_text())
        await stubborn.stop(hurry=True)
        guarded.close()
        return pid

    assert not is_alive(asyncio.run(scene()))
    lock.release()


def test_a_program_that_never_starts_is_given_up_with_its_last_words(
    var: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(child, "FIRST_PAUSE_SECONDS", 0.01)
    lock = RunLock(var)

    async def scene() -> None:
        guarded = Guarded(lock.descriptor)
        argv = ("/bin/sh", "-c", "echo FATAL: the cellar is flooded; echo bye; exit 7")
        broken = Child(Program("broken", argv, os.environ, var, ready_mark="never said"), guarded, Output())
        broken.start()
        try:
            await asyncio.wait_for(broken.wait_ready(), 20)
        finally:
            await broken.stop()
            guarded.close()

    with pytest.raises(StartError, match="broken does not start: FATAL: the cellar is flooded"):
        asyncio.run(scene())
    lock.release()
    assert "ended (exit code 7); next start in 0.02 s" in capsys.readouterr().out
