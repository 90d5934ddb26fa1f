"""One bad batch must not stop its neighbours: find it, put it aside, and halt the lane when it is not one but many."""

from collections import Counter, defaultdict, deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import psycopg
import structlog

from cdp_project.kernel.database import RETRYABLE
from cdp_project.kernel.failpoints import InjectedFailure
from cdp_project.kernel.outcome import Quarantine
from events.pipeline import Accepted
from events.processing.claim import Overtaken
from events.reasons import POISON

log = structlog.get_logger(__name__)

# A fifth of a chunk points at our own code or at the store, not at the data.
POISON_SHARE_MOST = 0.2
# In a quiet lane a chunk is one batch, and one bad batch is the whole of it: count over the last ones too.
RECENT_BATCHES = 50
POISON_HALTS_AT = 5
# A lane belongs to all inputs: what only one of them sends must not stop the others.
POISON_INPUTS_LEAST = 2

INFRASTRUCTURE = (
    *RETRYABLE,
    OSError,
    MemoryError,
    InjectedFailure,
    psycopg.errors.ReadOnlySqlTransaction,
    # A schema that does not fit the code: a deployment is under way.
    psycopg.errors.UndefinedTable,
    psycopg.errors.UndefinedColumn,
    psycopg.errors.UndefinedFunction,
    psycopg.errors.InsufficientPrivilege,
    psycopg.errors.FeatureNotSupported,
)
"""Errors that say nothing about the batch: tried again, never quarantined."""

TOO_MUCH = (
    psycopg.errors.ProgramLimitExceeded,
    psycopg.errors.StatementTooComplex,
    psycopg.errors.TooManyColumns,
    psycopg.errors.TooManyArguments,
)
"""What the driver counts among them although it is about what was sent, and would be the same at every try."""


@dataclass(frozen=True, slots=True)
class Poison:
    """A batch whose processing fails by itself, and how."""

    row: Accepted
    error: Exception

    @property
    def outcome(self) -> Quarantine:
        """What becomes of it. Messages of errors can hold personal data; the type is enough to find the place."""
        return Quarantine(POISON, f"{type(self.error).__module__}.{type(self.error).__qualname__}")


Process = Callable[[Sequence[Accepted]], None]


def failure_of(rows: Sequence[Accepted], process: Process) -> Exception | None:
    """Process the rows; the error that one of them causes, None when all went well.

    Errors of the infrastructure, and Overtaken, are raised.
    """
    try:
        process(rows)
    except Exception as error:
        if isinstance(error, (*INFRASTRUCTURE, Overtaken)) and not isinstance(error, TOO_MUCH):
            raise
        log.warning("chunk failed", batches=len(rows), error_type=type(error).__qualname__)
        return error
    return None


def isolate(rows: Sequence[Accepted], process: Process) -> list[Poison]:
    """Process all rows but those that fail by themselves; these are returned and still wait.

    Errors of the infrastructure, and Overtaken, end it at once; what was processed until then stays done.
    """
    error = failure_of(rows, process)
    if error is None:
        return []
    if len(rows) == 1:
        return [Poison(rows[0], error)]
    middle = len(rows) // 2
    return isolate(rows[:middle], process) + isolate(rows[middle:], process)


def _told(batches: int, poison: Sequence[Poison]) -> list[int | None]:
    well: list[int | None] = [None] * min(batches - len(poison), RECENT_BATCHES)
    return well + [each.row.input_id for each in poison]


class PoisonWatch:
    """Tells when a lane fails too often, and for too many, to go on."""

    def __init__(self) -> None:
        # Of each batch the input whose poison it was; None when it went well.
        self._recent: dict[int, deque[int | None]] = defaultdict(lambda: deque(maxlen=RECENT_BATCHES))

    def note(self, bucket: int, batches: int, poison: Sequence[Poison]) -> None:
        """How a chunk of the lane went, once it stands."""
        self._recent[bucket].extend(_told(batches, poison))

    def must_halt(self, bucket: int, batches: int, poison: Sequence[Poison]) -> bool:
        """Whether the lane has to stop, and somebody has to look, when a chunk of it goes like this."""
        recent = [*self._recent[bucket], *_told(batches, poison)][-RECENT_BATCHES:]
        poisoned = Counter(input_id for input_id in recent if input_id is not None)
        return (
            len(poison) > POISON_SHARE_MOST * batches
            and poisoned.total() >= POISON_HALTS_AT
            and len(poisoned) >= POISON_INPUTS_LEAST
        )

    def forget(self, bucket: int) -> None:
        """Begin anew, after the lane was halted."""
        self._recent.pop(bucket, None)
