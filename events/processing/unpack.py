"""From a row of the inbox to a batch that the steps can work on, or the reason why it never will be."""

from collections.abc import Sequence
from datetime import datetime

import zstandard

from cdp_project.kernel import clock
from cdp_project.kernel.outcome import Quarantine
from events.batch import Batch, BatchError, Event
from events.configuration import Inputs
from events.intake import bodies
from events.pipeline import Accepted, Context, EventItem
from events.protocol import PROTOCOLS
from events.reasons import INPUT_DELETED, MALFORMED, REASONS

Refused = tuple[Accepted, Quarantine]


def unpack(rows: Sequence[Accepted], inputs: Inputs) -> tuple[list[Context], list[Refused]]:
    """Contexts of the rows that can be processed, in the same order, and the rows that cannot."""
    contexts: list[Context] = []
    refused: list[Refused] = []
    for row in rows:
        result = _unpack(row, inputs)
        if isinstance(result, Context):
            contexts.append(result)
        else:
            refused.append((row, result))
    return contexts, refused


def _unpack(row: Accepted, inputs: Inputs) -> Context | Quarantine:
    config = inputs.get(row.input_id)
    if config is None:
        return Quarantine(INPUT_DELETED)
    protocol = PROTOCOLS.get(row.protocol)
    if protocol is None:
        return Quarantine(MALFORMED, f"There is no protocol {row.protocol!r}.")
    try:
        batch = protocol.decode(bodies.unpack(row.encoding, row.body))
    except BatchError as error:
        return Quarantine(error.code if error.code in REASONS else MALFORMED, error.message)
    except zstandard.ZstdError:
        return Quarantine(MALFORMED, "The stored body cannot be inflated.")
    return Context(row, config, batch, _items(row, batch))


def _items(row: Accepted, batch: Batch) -> list[EventItem]:
    return [EventItem(event, _occurred_at(row, event)) for event in batch.events]


def _occurred_at(row: Accepted, event: Event) -> datetime:
    if event.occurred_at_ms is None:
        return row.received_at
    return clock.from_milliseconds(event.occurred_at_ms)
