"""Alerts: how many events met which fault in which hour, and how bad that is. Pure but for the writing."""

from collections import Counter
from collections.abc import Iterator
from datetime import datetime

from cdp_project.kernel import clock, rollups
from cdp_project.kernel.database import Connection
from cdp_project.kernel.rollups import Rollup
from connections.alert_codes import OUTPUT_PAUSED, RETRIES_EXHAUSTED
from connections.models import AlertLevel, ItemState
from connections.parcels import End, Parcel

HOUR_MS = 3_600_000

ROLLUP = Rollup(
    "alert_partial",
    "alert_hour",
    ("output_id", "connection_id", "environment", "hour", "level", "code"),
    owner="output_id",
)
"""Counts by the hour of the fault."""

Alerts = Counter[tuple[int, int, int, int, int, int, str]]
"""Events by bucket, output, connection, environment, hour of the fault (Unix milliseconds), level and code."""


def add(alerts: Alerts, parcel: Parcel, end: End, now: datetime) -> None:
    """Count what the end of a parcel tells. An event that meets the same fault again within an hour counts once."""
    hour_ms = _hour_ms(now)
    origin = parcel.origin
    key = (origin.bucket, origin.output_id, origin.connection_id, origin.environment, hour_ms)
    for level, code in _told(parcel, end, hour_ms):
        alerts[*key, int(level), code] += max(1, len(parcel.events))


def _told(parcel: Parcel, end: End, hour_ms: int) -> Iterator[tuple[AlertLevel, str]]:
    was_told = end.detail == parcel.last_fault and parcel.last_at is not None and _hour_ms(parcel.last_at) == hour_ms
    if end.item_state in {ItemState.RETRYING, ItemState.PARKED} and not was_told:
        yield AlertLevel.WARNING, end.detail
    if end.item_state is ItemState.PARKED:
        # What was a warning becomes fatal (reference AC 55).
        yield AlertLevel.FATAL, RETRIES_EXHAUSTED
    if end.item_state is ItemState.FAILED:
        yield AlertLevel.FATAL, end.detail
    if end.item_state is ItemState.WITHHELD:
        yield AlertLevel.INFORMATIONAL, end.detail
    if parcel.pauses_output:
        yield AlertLevel.INFORMATIONAL, OUTPUT_PAUSED


def _hour_ms(at: datetime) -> int:
    at_ms = clock.milliseconds(at)
    return at_ms - at_ms % HOUR_MS


def write(connection: Connection, alerts: Alerts) -> None:
    """Add the counts to the lanes' rows. Within the transaction that records what became of the parcels."""
    rows = [
        (*key, clock.from_milliseconds(hour_ms), level, code, count)
        for (*key, hour_ms, level, code), count in alerts.items()
    ]
    rollups.add(connection, ROLLUP, rows)
