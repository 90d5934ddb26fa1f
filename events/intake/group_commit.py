"""Group commit: what waits in this process goes into one statement and is answered after its commit.

No delay is added: while one group commits, the next one gathers (performance.md B).
"""

import threading
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import groupby

import psycopg
import structlog
from django.conf import settings

from cdp_project.kernel.bulk import ROWS_MOST
from cdp_project.kernel.database import Connection, SteadyConnection
from events.intake.inbox import NewBatch
from events.intake.tickets import ThreadTicket, Ticket

log = structlog.get_logger(__name__)

GROUP_BYTES_MOST = 8_000_000
REDRAWS_MOST = 5
DATA_FAULTS = (psycopg.DataError, psycopg.IntegrityError, ValueError, OverflowError)


class StoreUnavailable(Exception):
    """The store is away: nothing is known to be stored, and the same may be sent again."""


class StoreBusy(Exception):
    """More waits already than this process may hold in memory."""


class Unstorable(Exception):
    """The database refuses the content of this request, and of no other."""


@dataclass(slots=True)
class _Waiting:
    batches: Sequence[NewBatch]
    size: int
    ticket: Ticket


class GroupCommit:
    """Stores batches by `write`, from one thread and connection of its own that start at the first request.

    `write` is called outside any transaction. `redraw` is called when two processes chose the same number.
    """

    def __init__(self, write: Callable[[Connection, Sequence[NewBatch]], None], redraw: Callable[[], None]) -> None:
        self._write = write
        self._redraw = redraw
        self._connection = SteadyConnection(autocommit=True, name="tributary intake")
        self._waiting: deque[_Waiting] = deque()
        self._count = self._bytes = 0
        self._changed = threading.Condition()
        self._thread: threading.Thread | None = None

    def submit(self, batches: Sequence[NewBatch]) -> ThreadTicket:
        """Done when the batches are committed; fails with one of the errors above. Raises StoreBusy at once."""
        ticket = ThreadTicket()
        self.add(batches, ticket)
        return ticket

    def add(self, batches: Sequence[NewBatch], ticket: Ticket) -> None:
        """The same for somebody who waits in a way of their own."""
        waiting = _Waiting(batches, sum(len(batch.body) for batch in batches), ticket)
        with self._changed:
            if self._is_full(waiting.size):
                raise StoreBusy
            self._count += 1
            self._bytes += waiting.size
            self._waiting.append(waiting)
            if self._thread is None or not self._thread.is_alive():
                self._thread = threading.Thread(target=self._run, name="group commit", daemon=True)
                self._thread.start()
            self._changed.notify_all()

    def _is_full(self, size: int) -> bool:
        return (
            self._count >= settings.CDP_INTAKE_WAITING_REQUESTS
            or self._bytes + size > settings.CDP_INTAKE_WAITING_BYTES
        )

    def _run(self) -> None:
        while True:
            group = self._take()
            # Who gave up waiting was told so, and is not stored.
            wanted = [waiting for waiting in group if waiting.ticket.begin()]
            if wanted:
                self._store(wanted)
            with self._changed:
                self._count -= len(group)
                self._bytes -= sum(waiting.size for waiting in group)
                self._changed.notify_all()

    def _take(self) -> list[_Waiting]:
        """Everything that waits, up to what one statement bears; at least one."""
        with self._changed:
            self._changed.wait_for(lambda: self._waiting)
            group = [self._waiting.popleft()]
            rows, size = len(group[0].batches), group[0].size
            while self._waiting:
                rows += len(self._waiting[0].batches)
                size += self._waiting[0].size
                if rows > ROWS_MOST or size > GROUP_BYTES_MOST:
                    break
                group.append(self._waiting.popleft())
        return group

    def _store(self, group: list[_Waiting]) -> None:
        try:
            self._write_with_redraws([batch for waiting in group for batch in waiting.batches])
        except DATA_FAULTS as error:
            self._isolate(group, error)
        except psycopg.Error as error:
            log.warning("intake cannot store", requests=len(group), error=_sentence(error))
            self._connection.drop()
            _tell(group, StoreUnavailable())
        except Exception as error:
            # Whatever it is, those who wait must hear of it.
            log.exception("intake failed", requests=len(group))
            _tell(group, error)
        else:
            _tell(group, None)

    def _isolate(self, group: list[_Waiting], error: Exception) -> None:
        """Store each request alone, so that only the one with the fault fails."""
        if len(group) == 1:
            log.error("request cannot be stored", error=_sentence(error))
            return _tell(group, Unstorable())
        for waiting in group:
            self._store([waiting])
        return None

    def _write_with_redraws(self, batches: Sequence[NewBatch]) -> None:
        for _ in range(REDRAWS_MOST - 1):
            try:
                return self._write(self._connection.get(), batches)
            except psycopg.errors.UniqueViolation:
                self._redraw()
        return self._write(self._connection.get(), batches)

    def close(self, wait_s: float = 0.0) -> None:
        """Give the connection back once nothing waits, which may take so long; the next request opens another."""
        with self._changed:
            if self._changed.wait_for(lambda: not self._count, wait_s):
                self._connection.drop()


def _sentence(error: Exception) -> str:
    """What is wrong, without the rows that PostgreSQL quotes: they are what people sent."""
    primary = error.diag.message_primary if isinstance(error, psycopg.Error) else None
    return f"{type(error).__name__}: {primary or str(error).partition('DETAIL')[0].strip()[:200]}"


def _tell(group: list[_Waiting], error: Exception | None) -> None:
    for _kind, alike in groupby((waiting.ticket for waiting in group), key=type):
        tickets = list(alike)
        tickets[0].tell(tickets, error)
