"""The inbox: what was accepted, as it was sent, in the order of acceptance. Rows are written here and nowhere else."""

import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from uuid import UUID

from cdp_project.kernel import bulk
from cdp_project.kernel.database import Connection
from cdp_project.workspaces.environment import Environment

SLOT_BITS = 6
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
COLUMNS = (
    "bucket",
    "accept_seq",
    "batch_id",
    "workspace_id",
    "input_id",
    "environment",
    "protocol",
    "is_historical",
    "received_at",
    "event_count",
    "encoding",
    "body",
)


@dataclass(frozen=True, slots=True)
class NewBatch:
    """A batch to be stored. `bucket` is its lane's own; `encoding` and `body` as `bodies.pack` gave them."""

    bucket: int
    batch_id: UUID
    workspace_id: int
    input_id: int
    environment: Environment
    protocol: str
    is_historical: bool
    received_at: datetime
    event_count: int
    encoding: int
    body: bytes


class AcceptSequence:
    """Numbers that grow within this process and follow the clock: microseconds, then six bits of process slot.

    Two processes may have drawn the same slot; a unique violation shows it, and `draw_slot` ends it.
    """

    def __init__(self) -> None:
        self._last = 0
        self.draw_slot()

    def draw_slot(self) -> None:
        """Another slot, by chance."""
        self._slot = secrets.randbelow(1 << SLOT_BITS)
        self._last = self._last >> SLOT_BITS << SLOT_BITS | self._slot

    def next(self, now: datetime) -> int:
        """The next number; larger than every one before, also when the clock went back."""
        self._last = max(self._last + (1 << SLOT_BITS), microseconds(now) << SLOT_BITS | self._slot)
        return self._last


def microseconds(at: datetime) -> int:
    """Unix time in microseconds."""
    return (at - _EPOCH) // timedelta(microseconds=1)


def accepted_at(accept_seq: int) -> datetime:
    """When a batch with this number was accepted."""
    return _EPOCH + timedelta(microseconds=accept_seq >> SLOT_BITS)


def insert(connection: Connection, batches: Sequence[NewBatch], sequence: AcceptSequence, now: datetime) -> None:
    """Store the batches, numbered in the given order. `connection` is in autocommit mode: one statement, one commit."""
    rows = [
        (
            batch.bucket,
            sequence.next(now),
            batch.batch_id,
            batch.workspace_id,
            batch.input_id,
            int(batch.environment),
            batch.protocol,
            batch.is_historical,
            batch.received_at,
            batch.event_count,
            batch.encoding,
            batch.body,
        )
        for batch in batches
    ]
    bulk.insert(connection, "inbox", COLUMNS, rows, key_width=2, at_once=True)
