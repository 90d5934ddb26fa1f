"""The one source of time. Pass its answer on; statements never ask the database for `now()`."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, date, datetime


def _system() -> datetime:
    return datetime.now(UTC)


_source: Callable[[], datetime] = _system


def now() -> datetime:
    """Current time, aware, UTC."""
    return _source()


def milliseconds(at: datetime) -> int:
    """Unix time in milliseconds."""
    return round(at.timestamp() * 1000)


def from_milliseconds(value: int) -> datetime:
    """Aware UTC time from Unix milliseconds; OverflowError or ValueError outside years 1..9999."""
    return datetime.fromtimestamp(value / 1000, UTC)


def day_of(at: datetime) -> date:
    """The UTC day."""
    return at.astimezone(UTC).date()


@contextmanager
def frozen(at: datetime) -> Iterator[None]:
    """Within the block, `now()` answers `at`: for tests and for history written with a clock passed in."""
    global _source  # noqa: PLW0603 - one clock a process is the point of this module
    before, _source = _source, lambda: at
    try:
        yield
    finally:
        _source = before
