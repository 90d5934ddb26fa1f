"""What an examination finds, and how checks are run: each alone, side by side, within bounded time."""

import threading
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum
from time import monotonic

import psycopg

from cdp_project.kernel.database import Connection, connect

CHECK_MAY_TAKE_S = 12.0
STATEMENT_MS_MOST = 5_000


class Level(StrEnum):
    """How bad it is."""

    OK = "ok"
    WARNING = "warning"
    WRONG = "wrong"


@dataclass(frozen=True, slots=True)
class Finding:
    """One line. `remedy` says what to do; empty where all is well. Neither shows a secret."""

    level: Level
    subject: str
    message: str
    remedy: str = ""


def ok(subject: str, message: str) -> Finding:
    return Finding(Level.OK, subject, message)


def warning(subject: str, message: str, remedy: str) -> Finding:
    return Finding(Level.WARNING, subject, message, remedy)


def wrong(subject: str, message: str, remedy: str) -> Finding:
    return Finding(Level.WRONG, subject, message, remedy)


@dataclass(frozen=True, slots=True)
class Check:
    """`look` may raise: then that is what it found."""

    subject: str
    look: Callable[[], Iterator[Finding]]


def on_database(subject: str, look: Callable[[Connection], Iterator[Finding]]) -> Check:
    """A check that needs the database; while that is away, nothing can be told, and another check says so."""

    def over_a_connection() -> Iterator[Finding]:
        try:
            with connect(autocommit=True, name="tributary doctor") as connection:
                connection.execute(f"SET statement_timeout = {STATEMENT_MS_MOST}")
                yield from look(connection)
        except psycopg.Error as error:
            reason = type(error).__name__
            yield warning(subject, f"cannot be told ({reason})", "Mend what is wrong with the database first.")

    return Check(subject, over_a_connection)


def examine(checks: Sequence[Check], may_take_s: float = CHECK_MAY_TAKE_S) -> list[Finding]:
    """All findings, in the order of the checks. One that hangs is left behind."""
    found: dict[int, list[Finding]] = {}

    def look(place: int, check: Check) -> None:
        try:
            found[place] = list(check.look())
        except Exception as error:  # noqa: BLE001 - told as what was found
            sentence = f"could not be looked at: {type(error).__name__}"
            found[place] = [wrong(check.subject, sentence, "See that settings and installation are complete.")]

    threads = [threading.Thread(target=look, args=each, daemon=True) for each in enumerate(checks)]
    for thread in threads:
        thread.start()
    deadline = monotonic() + may_take_s
    for thread in threads:
        thread.join(max(0.0, deadline - monotonic()))
    hung = f"gave no answer within {may_take_s:.0f} s"
    return [
        finding
        for place, check in enumerate(checks)
        for finding in found.get(place, [wrong(check.subject, hung, "See whether the machine or the network hangs.")])
    ]
