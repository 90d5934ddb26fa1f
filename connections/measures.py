"""What deliveries count, and what waits for each output. For /metrics. Outputs go by their id."""

from collections import defaultdict
from collections.abc import Iterator
from datetime import datetime
from typing import Any

from cdp_project.kernel.database import Connection
from cdp_project.kernel.measuring import LONG_SECONDS, Counter, Gauge, Histogram
from cdp_project.kernel.samples import Samples
from connections import verdicts
from connections.models import ItemState
from events.intake.inbox import accepted_at

FORWARDED = Counter("tributary_forwarded_events", "Events put into the outbox, once for each connection.")
ENDED = Counter(
    "tributary_delivery_events",
    "Events that came to an end, once for each connection: delivered, withheld or failed.",
    ("state",),
)
ATTEMPTS = Counter(
    "tributary_delivery_attempts", "Tries by output and outcome: delivered, retry or rejected.", ("output", "outcome")
)
FIRST_ATTEMPT_SECONDS = Histogram(
    "tributary_first_attempt_seconds",
    "From the reception of an event to its first request, of the oldest that went out in each turn of the loop.",
    LONG_SECONDS,
)
PAUSED = Gauge("tributary_output_paused", "1 while an output is paused by its faults.", ("output",), merge=max)

# Place of the state in the keys of a tally.
STATE = 4
# More than these of an output in one lane are not counted.
DELIVERIES_MOST, ITEMS_MOST = 1_000, 10_000

_WAITING = """
SELECT l.output_id, min(open.seq), coalesce(sum(open.items), 0)
FROM delivery_lane l
CROSS JOIN LATERAL (
    SELECT min(first.chunk_seq) AS seq, sum(first.item_count) AS items FROM (
        SELECT d.chunk_seq, d.item_count FROM outbox_delivery d
        WHERE d.bucket = l.bucket AND d.output_id = l.output_id AND d.is_open ORDER BY d.chunk_seq LIMIT %s
    ) AS first) AS open
GROUP BY l.output_id ORDER BY 1
"""
_STATES = """
SELECT l.output_id, state.number, coalesce(sum(found.count), 0)
FROM delivery_lane l
CROSS JOIN unnest(%s::smallint[]) AS state (number)
CROSS JOIN LATERAL (
    SELECT count(*) AS count FROM (
        SELECT 1 FROM delivery_exception e
        WHERE e.bucket = l.bucket AND e.output_id = l.output_id AND e.state = state.number LIMIT %s
    ) AS first) AS found
GROUP BY 1, 2 ORDER BY 1, 2
"""
TOLD = (ItemState.RETRYING, ItemState.HELD, ItemState.PARKED)


def read(connection: Connection, now: datetime) -> Iterator[Samples]:
    """Figures at the moment, along indexes and bounded for each lane of an output."""
    waiting: list[tuple[Any, ...]] = connection.execute(_WAITING, (DELIVERIES_MOST,)).fetchall()
    yield Samples(
        "tributary_output_oldest_waiting_seconds",
        "Age of the oldest event that waits for its first try at an output; 0 when none does.",
        ("output",),
        [((str(output),), _age_s(seq, now)) for output, seq, _ in waiting],
    )
    yield Samples(
        "tributary_output_waiting_events",
        "Events in deliveries to an output that are not through yet; a lane counts its oldest 1,000 deliveries.",
        ("output",),
        [((str(output),), float(items)) for output, _, items in waiting],
    )
    states: list[tuple[Any, ...]] = connection.execute(_STATES, ([int(state) for state in TOLD], ITEMS_MOST)).fetchall()
    counts: defaultdict[int, list[tuple[tuple[str, ...], float]]] = defaultdict(list)
    for output, state, count in states:
        counts[state].append(((str(output),), float(count)))
    for state in TOLD:
        yield Samples(
            f"tributary_output_{state.name.lower()}_events",
            f"Events of an output in the state {state.name.lower()}; a lane counts {ITEMS_MOST} at most.",
            ("output",),
            counts[state],
        )


def note_forwarded(tally: verdicts.Tally) -> None:
    """Count what a chunk of the pipeline put into the outbox. Once its commit stands."""
    FORWARDED.add(sum([count for key, count in tally.items() if key[STATE] == verdicts.WAITING]))
    note_ended(tally)


def note_ended(tally: verdicts.Tally) -> None:
    """Count what came to an end. Once the commit stands."""
    for state in (verdicts.DELIVERED, verdicts.WITHHELD, verdicts.FAILED):
        ENDED.add(sum([count for key, count in tally.items() if key[STATE] == state and count > 0]), state)


def _age_s(seq: int | None, now: datetime) -> float:
    return 0.0 if seq is None else max(0.0, (now - accepted_at(seq)).total_seconds())
