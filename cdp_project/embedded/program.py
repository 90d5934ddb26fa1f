"""What the supervisor runs: a command line and how it is started, watched and stopped."""

import signal
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from cdp_project.embedded.account import Account


@dataclass(frozen=True)
class Program:
    """One long-running process. `before` runs ahead of every start, `is_ready` is asked until it says yes."""

    name: str
    argv: tuple[str, ...]
    env: Mapping[str, str] = field(repr=False)
    cwd: Path
    account: Account | None = None
    stop_signal: signal.Signals = signal.SIGTERM
    # Sent when the first signal was not enough; SIGKILL follows.
    second_signal: signal.Signals | None = None
    stop_seconds: float = 10
    before: Callable[[], None] | None = None
    is_ready: Callable[[int], bool] | None = None
    # Lines with one of these are not shown: warnings that do not apply to us.
    mute: tuple[str, ...] = ()
