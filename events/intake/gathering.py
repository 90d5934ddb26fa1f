"""What waits in this process for a commit, within bounds: counted until it is stored, refused, or given up."""

from collections import deque
from collections.abc import Sequence

import msgspec
from django.conf import settings

from events.intake.inbox import NewBatch
from events.intake.tickets import Ticket

GROUP_ROWS_MOST = 1000
GROUP_BYTES_MOST = 8_000_000


class StoreBusy(Exception):
    """More waits already than this process may hold in memory."""


class Waiting(msgspec.Struct, frozen=True):
    """One request."""

    batches: Sequence[NewBatch]
    size: int
    ticket: Ticket


class Gathering:
    """The requests that wait, in the order in which they came. Not for several threads at once."""

    def __init__(self) -> None:
        self._waiting: deque[Waiting] = deque()
        self.count = self.bytes = 0

    def add(self, batches: Sequence[NewBatch], ticket: Ticket) -> None:
        """Raises StoreBusy beyond the bounds of settings."""
        size = sum([len(batch.body) for batch in batches])
        most = settings.CDP_INTAKE_WAITING_REQUESTS
        if self.count >= most or self.bytes + size > settings.CDP_INTAKE_WAITING_BYTES:
            raise StoreBusy
        self.count += 1
        self.bytes += size
        self._waiting.append(Waiting(batches, size, ticket))

    def has_waiting(self) -> bool:
        """There is something to take."""
        return bool(self._waiting)

    def take(self) -> list[Waiting]:
        """Everything that waits, up to what one statement bears; at least one, if there is one."""
        group: list[Waiting] = []
        rows = size = 0
        while self._waiting:
            rows += len(self._waiting[0].batches)
            size += self._waiting[0].size
            if group and (rows > GROUP_ROWS_MOST or size > GROUP_BYTES_MOST):
                break
            group.append(self._waiting.popleft())
        return group

    def end(self, group: Sequence[Waiting]) -> None:
        """What was taken takes no memory any more."""
        self.count -= len(group)
        self.bytes -= sum([waiting.size for waiting in group])
