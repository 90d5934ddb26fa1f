"""The log of requests that did not succeed at once: what the partner answered, shortened and redacted."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime

from cdp_project.kernel import bulk, clock, partitions
from cdp_project.kernel.buckets import time_ordered_id
from cdp_project.kernel.database import Connection
from cdp_project.kernel.exchange import Answer, Result
from connections.configuration import OutputConfig
from connections.parcels import Parcel
from connections.redact import sample, texts_in
from directory.contracts import Rejected, RetryLater

TABLE = "delivery_attempt"
_COLUMNS = {
    "bucket": "int2",
    "day": "date",
    "attempt_id": "uuid",
    "output_id": "int8",
    "connection_id": "int8",
    "chunk_id": "uuid",
    "position": "int4",
    "at": "timestamptz",
    "status": "int4",
    "error": "text",
    "latency_ms": "int4",
    "answer_sample": "text",
}


@dataclass(frozen=True, slots=True)
class Attempt:
    """One request without success. `status` is None when there was no answer."""

    parcel: Parcel
    at: datetime
    error: str
    status: int | None = None
    latency_ms: int = 0
    answer_sample: str = ""


def attempt(
    parcel: Parcel, output: OutputConfig, refusal: RetryLater | Rejected, result: Result | None, now: datetime
) -> Attempt:
    """What is kept of it; `result` is None when no request could be made."""
    if result is None:
        return Attempt(parcel, now, refusal.reason)
    hidden = [*output.secrets, *about(parcel)]
    if isinstance(result, Answer):
        text = sample(result.body, hidden)
        return Attempt(parcel, now, refusal.reason, result.status, result.latency_ms, text)
    return Attempt(parcel, now, refusal.reason, None, result.latency_ms, sample(result.detail.encode(), hidden))


def about(parcel: Parcel) -> list[str]:
    """What tells whom the parcel is about: partners like to repeat what they refuse."""
    batch = parcel.batch
    told = [*batch.identities.values(), batch.user_attributes, batch.envelope.get("ip")]
    told += [event.data.get("custom_attributes") for event in parcel.events]
    return [text for each in told for text in texts_in(each)]


class AttemptLog:
    """Writes attempts, and makes the days' partitions when they are missing."""

    def __init__(self) -> None:
        self._days: set[date] = set()

    def ensure(self, connection: Connection, attempts: Sequence[Attempt]) -> None:
        """Make the partitions of their days. `connection` is outside any transaction."""
        days = {clock.day_of(made.at) for made in attempts}
        if missing := days - self._days:
            partitions.make_days(connection, TABLE, sorted(missing))
            self._days |= missing

    def forget(self) -> None:
        """Look again next time: somebody dropped a partition."""
        self._days.clear()

    def write(self, connection: Connection, attempts: Sequence[Attempt]) -> None:
        """Store the attempts. Within the transaction that records what became of the parcels."""
        if attempts:
            bulk.copy(connection, TABLE, list(_COLUMNS), list(_COLUMNS.values()), map(_row, attempts))


def _row(made: Attempt) -> tuple[object, ...]:
    origin = made.parcel.origin
    return (
        origin.bucket,
        clock.day_of(made.at),
        time_ordered_id(made.at, origin.bucket),
        origin.output_id,
        origin.connection_id,
        origin.chunk_id,
        made.parcel.positions[0],
        made.at,
        made.status,
        made.error,
        made.latency_ms,
        made.answer_sample,
    )
