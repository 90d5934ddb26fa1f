"""What the supervisor runs: a command line and how it is started, watched and stopped."""

import signal
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from enum import Enum
from pathlib import Path

from cdp_project.embedded.account import Account


class Renewed(Enum):
    """What a rolling restart does with a program."""

    NEVER = "never"
    # Two of them may run for a moment, so there is no gap.
    OVERLAPPING = "overlapping"
    IN_TURN = "in turn"


@dataclass(frozen=True)
class Program:
    """One long-running process.

    `before` runs ahead of every start. It is ready when it has printed `ready_mark` (or lived for a while, where
    its log level hides that line) and `is_ready`, asked with its process id, says yes.
    """

    name: str
    argv: tuple[str, ...]
    env: Mapping[str, str] = field(repr=False)
    cwd: Path
    account: Account | None = None
    # Open descriptors that it inherits.
    shares: tuple[int, ...] = ()
    longest_pause_seconds: float = 30
    stop_signal: signal.Signals = signal.SIGTERM
    # Sent when the first signal was not enough; SIGKILL follows.
    second_signal: signal.Signals | None = None
    stop_seconds: float = 10
    # What the first signal gets even when somebody is in a hurry.
    hurried_stop_seconds: float = 0
    # Whether a rolling restart starts it anew, and then before or after the old one has ended.
    renewed: Renewed = Renewed.NEVER
    # Programs stop turn by turn, those of one turn together.
    stop_turn: int = 0
    before: Callable[[], None] | None = None
    is_ready: Callable[[int], bool] | None = None
    ready_mark: str = ""
    slow_hint: str = "is still starting"
    # Lines with one of these are not shown: warnings that do not apply to us.
    mute: tuple[str, ...] = ()
