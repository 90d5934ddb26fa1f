"""Storing a group of requests: together when it can be, alone when it must be, and everybody hears how it went."""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass

import psycopg
import structlog

from cdp_project.kernel import clock
from events import measures
from events.intake.gathering import Waiting
from events.intake.inbox import NewBatch

log = structlog.get_logger(__name__)

REDRAWS_MOST = 5
DATA_FAULTS = (psycopg.DataError, psycopg.IntegrityError, ValueError, OverflowError)


class StoreUnavailable(Exception):
    """The store is away: nothing is known to be stored, and the same may be sent again."""


class Unstorable(Exception):
    """The database refuses the content of this request, and of no other."""


@dataclass(frozen=True, slots=True)
class Storing:
    """How groups are stored. `write` is one commit; `drop` throws its connection away.

    `redraw` is called when two processes chose the same number.
    """

    write: Callable[[Sequence[NewBatch]], Awaitable[None]]
    redraw: Callable[[], None]
    drop: Callable[[], None]

    async def store(self, group: Sequence[Waiting]) -> None:
        """Store those who still wait, and tell them."""
        # Who gave up waiting was told so, and is not stored.
        if wanted := [waiting for waiting in group if waiting.ticket.begin()]:
            await self._store(wanted)

    async def _store(self, group: Sequence[Waiting]) -> None:
        try:
            await self._write_with_redraws([batch for waiting in group for batch in waiting.batches])
        except DATA_FAULTS as error:
            await self._isolate(group, error)
        except psycopg.Error as error:
            log.warning("intake cannot store", requests=len(group), error=_sentence(error))
            self.drop()
            _tell(group, StoreUnavailable())
        except Exception as error:
            # Whatever it is, those who wait must hear of it.
            log.exception("intake failed", requests=len(group))
            self.drop()
            _tell(group, error)
        else:
            _tell(group, None)
            _count(group)

    async def _isolate(self, group: Sequence[Waiting], error: Exception) -> None:
        """Store each request alone, so that only the one with the fault fails."""
        if len(group) == 1:
            log.error("request cannot be stored", error=_sentence(error))
            _tell(group, Unstorable())
            return
        for waiting in group:
            await self._store([waiting])

    async def _write_with_redraws(self, batches: Sequence[NewBatch]) -> None:
        for _ in range(REDRAWS_MOST - 1):
            try:
                return await self.write(batches)
            except psycopg.errors.UniqueViolation:
                self.redraw()
        return await self.write(batches)


def _count(group: Sequence[Waiting]) -> None:
    """Once a group: what each request costs is counted in microseconds."""
    measures.ACCEPTED_REQUESTS.add(len(group))
    measures.GROUP_REQUESTS.observe(len(group))
    measures.ACCEPTED_EVENTS.add(sum([batch.event_count for waiting in group for batch in waiting.batches]))
    if group[0].batches:
        waited = clock.now() - group[0].batches[0].received_at
        measures.ACCEPT_SECONDS.observe(waited.total_seconds())


def _sentence(error: Exception) -> str:
    """What is wrong, without the rows that PostgreSQL quotes: they are what people sent."""
    primary = error.diag.message_primary if isinstance(error, psycopg.Error) else None
    return f"{type(error).__name__}: {primary or str(error).partition('DETAIL')[0].strip()[:200]}"


def _tell(group: Sequence[Waiting], error: Exception | None) -> None:
    for waiting in group:
        waiting.ticket.tell(error)
