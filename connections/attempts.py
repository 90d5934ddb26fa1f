"""The log of requests that did not succeed at once, and a sample of those that did: what the partner answered,
shortened and redacted."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from uuid import UUID

from cdp_project.kernel import bulk, clock, partitions
from cdp_project.kernel.buckets import time_ordered_id
from cdp_project.kernel.database import Connection
from cdp_project.kernel.exchange import Answer, Result
from connections.configuration import OutputConfig
from connections.parcels import Parcel
from connections.redact import long_words, sample, texts_in
from directory.contracts import Delivered, Delivery
from events.decoding.event_fields import CUSTOM_EVENT_TYPES
from events.decoding.event_reading import EVENT_TYPES

TABLE = "delivery_attempt"
# Words of the wire that tell of nobody, and make an answer readable.
VOCABULARY = CUSTOM_EVENT_TYPES | EVENT_TYPES | {"production", "development", "iOS", "Android", "web"}
_COLUMNS = (
    "bucket",
    "day",
    "attempt_id",
    "output_id",
    "connection_id",
    "chunk_id",
    "position",
    "event_id",
    "at",
    "status",
    "error",
    "latency_ms",
    "answer_sample",
)


@dataclass(frozen=True, slots=True)
class Attempt:
    """One request, or none where none could be made. `error` is "" for a success, `status` None without an answer."""

    parcel: Parcel
    at: datetime
    error: str
    status: int | None = None
    latency_ms: int = 0
    answer_sample: str = ""


def attempt(parcel: Parcel, output: OutputConfig, delivery: Delivery, result: Result | None, now: datetime) -> Attempt:
    """What is kept of it; `result` is None when no request could be made."""
    error = "" if isinstance(delivery, Delivered) else delivery.reason
    if result is None:
        return Attempt(parcel, now, error)
    names, told = [*output.secrets, *whom(parcel)], about(parcel)
    if isinstance(result, Answer):
        text = sample(result.body, names, told)
        return Attempt(parcel, now, error, result.status, result.latency_ms, text)
    return Attempt(parcel, now, error, None, result.latency_ms, sample(result.detail.encode(), names, told))


def whom(parcel: Parcel) -> Iterator[str]:
    """The names of the person that the parcel is about: a partner that repeats one tells of nobody else."""
    yield str(parcel.mpid)
    yield from parcel.batch.identities.values()


def about(parcel: Parcel) -> Iterator[str]:
    """Everything else that tells of the person: partners like to repeat what they refuse."""
    batch = parcel.batch
    person = texts_in(batch.user_attributes)
    yield from person
    yield from long_words(person)
    for text in texts_in([batch.envelope, batch.source_request_id, *(event.data for event in parcel.events)]):
        if text not in VOCABULARY:
            yield text


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
            rows = (row for made in attempts for row in _rows(made))
            bulk.copy(connection, TABLE, _COLUMNS, rows)


def _rows(made: Attempt) -> Iterator[tuple[object, ...]]:
    """One for each event that travelled in it, so that each finds its own story."""
    for position, event_id in made.parcel.items():
        yield _row(made, position, event_id)


def _row(made: Attempt, position: int, event_id: str | None) -> tuple[object, ...]:
    origin = made.parcel.origin
    return (
        origin.bucket,
        clock.day_of(made.at),
        time_ordered_id(made.at, origin.bucket),
        origin.output_id,
        origin.connection_id,
        origin.chunk_id,
        position,
        None if event_id is None else UUID(event_id),
        made.at,
        made.status,
        made.error,
        made.latency_ms,
        made.answer_sample,
    )
