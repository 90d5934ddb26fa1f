"""The inbox: what was accepted, as it was sent, in the order of acceptance. Rows are written here and nowhere else."""

import secrets
import struct
import threading
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from operator import itemgetter
from typing import Any
from uuid import UUID

import msgspec

from cdp_project.kernel import bulk, loop_copy
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
    "is_historical",
    "received_at",
    "event_count",
    "encoding",
    "protocol",
    "body",
)
# A row in binary COPY: how many values, and before each its length. Those of the last two columns differ.
_FIXED = struct.Struct(">h" + "ih" + "iq" + "i16s" + "iq" + "iq" + "ih" + "i?" + "iq" + "ii" + "ih")
_LENGTH = struct.Struct(">i")
_POSTGRES_EPOCH = datetime(2000, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)


class NewBatch(msgspec.Struct, frozen=True):
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
        self._lock = threading.Lock()
        self.draw_slot()

    def draw_slot(self) -> None:
        """Another slot, by chance."""
        self._slot = secrets.randbelow(1 << SLOT_BITS)
        self._last = self._last >> SLOT_BITS << SLOT_BITS | self._slot

    def next(self, now: datetime) -> int:
        """The next number; larger than every one before, also when the clock went back."""
        return self.take(1, now)[0]

    def take(self, count: int, now: datetime) -> range:
        """So many numbers in a row."""
        step = 1 << SLOT_BITS
        with self._lock:
            first = max(self._last + step, microseconds(now) << SLOT_BITS | self._slot)
            self._last = first + (count - 1) * step
        return range(first, first + count * step, step)


def microseconds(at: datetime) -> int:
    """Unix time in microseconds."""
    return (at - _EPOCH) // _MICROSECOND


def accepted_at(accept_seq: int) -> datetime:
    """When a batch with this number was accepted."""
    return _EPOCH + timedelta(microseconds=accept_seq >> SLOT_BITS)


def insert(connection: Connection, batches: Sequence[NewBatch], sequence: AcceptSequence, now: datetime) -> None:
    """Store the batches, numbered in the given order. `connection` is in autocommit mode: one statement, one commit."""
    rows = [
        (
            batch.bucket,
            number,
            batch.batch_id,
            batch.workspace_id,
            batch.input_id,
            int(batch.environment),
            batch.is_historical,
            batch.received_at,
            batch.event_count,
            batch.encoding,
            batch.protocol,
            batch.body,
        )
        for batch, number in zip(batches, sequence.take(len(batches), now), strict=True)
    ]
    bulk.insert(connection, "inbox", COLUMNS, rows, key_width=2)


async def copy_in(connection: Connection, batches: Sequence[NewBatch], sequence: AcceptSequence, now: datetime) -> None:
    """The same while the event loop goes on. ValueError for what no column holds."""
    numbered = zip((batch.bucket for batch in batches), sequence.take(len(batches), now), batches, strict=True)
    # In the order of the key, as `bulk` has it.
    rows = [_copy_row(number, batch) for _, number, batch in sorted(numbered, key=itemgetter(0, 1))]
    await loop_copy.copy_in(connection, "inbox", COLUMNS, rows)


def _copy_row(number: int, batch: NewBatch) -> bytes:
    protocol, body = batch.protocol.encode(), batch.body
    try:
        fixed = _FIXED.pack(*_fixed_values(number, batch))
    except struct.error as error:
        raise ValueError(f"A batch does not fit into its row: {error}") from None
    return b"".join((fixed, _LENGTH.pack(len(protocol)), protocol, _LENGTH.pack(len(body)), body))


def _fixed_values(number: int, batch: NewBatch) -> tuple[Any, ...]:
    received = (batch.received_at - _POSTGRES_EPOCH) // _MICROSECOND
    return (
        *(len(COLUMNS), 2, batch.bucket, 8, number, 16, batch.batch_id.bytes, 8, batch.workspace_id),
        *(8, batch.input_id, 2, batch.environment, 1, batch.is_historical, 8, received),
        *(4, batch.event_count, 2, batch.encoding),
    )
