"""Frames for open pages: what became of the events of a chunk, told once its transaction stands."""

from collections import defaultdict, deque
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from functools import partial

from cdp_project.kernel.live import SAMPLE_MOST, feed_group, publisher
from cdp_project.kernel.outcome import Outcome, Quarantine
from cdp_project.workspaces.environment import Environment
from events.configuration import inputs
from events.metrics import STORED
from events.pipeline import Accepted, Chunk, Context, EventItem
from events.processing.unpack import Refused
from events.reasons import REASONS

STOPPED = "stopped"
# Of a sentence that names a field of the batch; frames stay small.
WHY_CHARACTERS_MOST = 300

LiveRow = dict[str, str]
"""Time of reception `t`, input, event type and name, mpid, event_id, state, reason, and why in a sentence.

What is not known is "". The state is stored, dropped or quarantined.
"""
Told = Context | Refused

# Batches that were refused before they had a context name their input by number only.
_inputs = inputs()


@dataclass(slots=True)
class _Feed:
    """What one group of pages is told: true counts, and the newest batches to take a sample from."""

    stored: int = 0
    stopped: int = 0
    newest: deque[Told] = field(default_factory=lambda: deque(maxlen=SAMPLE_MOST))

    def add(self, told: Told) -> None:
        """Count a batch. One without events has nothing to show, unless it was refused."""
        if not isinstance(told, Context):
            # Whose events nobody could count is shown as one.
            self.stopped += max(told[0].event_count, 1)
            self.newest.append(told)
        elif told.items:
            stored = 0 if told.outcome is not None else len(told.open_items())
            self.stored += stored
            self.stopped += len(told.items) - stored
            self.newest.append(told)


def publish_after_commit(chunk: Chunk, refused: list[Refused]) -> None:
    """Frames for the live pages of each workspace and environment. Within the transaction, when all is decided."""
    feeds: dict[tuple[int, Environment], _Feed] = defaultdict(_Feed)
    for told in _in_order(chunk.contexts, refused):
        accepted = _accepted(told)
        feeds[accepted.workspace_id, accepted.environment].add(told)
    for (workspace_id, environment), feed in feeds.items():
        rows = [row for told in feed.newest for row in _rows(chunk, told)]
        counts = {STORED: feed.stored, STOPPED: feed.stopped}
        group = feed_group(workspace_id, environment.word)
        chunk.after_commit.append(partial(publisher.add, group, rows[-SAMPLE_MOST:], counts))


def _in_order(contexts: list[Context], refused: list[Refused]) -> Iterable[Told]:
    return sorted([*contexts, *refused], key=lambda told: _accepted(told).accept_seq) if refused else contexts


def _accepted(told: Told) -> Accepted:
    return told.accepted if isinstance(told, Context) else told[0]


def _rows(chunk: Chunk, told: Told) -> Iterator[LiveRow]:
    if isinstance(told, Context):
        for item in told.items[-SAMPLE_MOST:]:
            yield _event_row(told, item)
        return
    accepted, outcome = told
    yield _row(accepted, _input_name(chunk, accepted.input_id)) | _state(outcome)


def _input_name(chunk: Chunk, input_id: int) -> str:
    known = _inputs.get(chunk.transaction).get(input_id)
    # Made a moment ago, or deleted: only a fresh look can tell.
    known = known or _inputs.get(chunk.transaction, age_most_s=0).get(input_id)
    return "" if known is None else known.name


def _event_row(context: Context, item: EventItem) -> LiveRow:
    row = _row(context.accepted, context.input.name) | _state(context.outcome or item.outcome)
    row |= {"type": item.event.event_type, "name": item.event.name}
    row["mpid"] = "" if context.person is None else str(context.person.mpid)
    row["event_id"] = "" if item.event_id is None else str(item.event_id)
    return row


def _row(accepted: Accepted, input_name: str) -> LiveRow:
    unknown = dict.fromkeys(("type", "name", "mpid", "event_id"), "")
    return {"t": accepted.received_at.isoformat(), "input": input_name} | unknown


def _state(outcome: Outcome | None) -> LiveRow:
    if outcome is None:
        return {"state": STORED, "reason": "", "why": ""}
    why = REASONS.get(outcome.reason, "")
    if isinstance(outcome, Quarantine):
        why = f"{why} {outcome.detail}".strip()[:WHY_CHARACTERS_MOST]
    state = "quarantined" if isinstance(outcome, Quarantine) else "dropped"
    return {"state": state, "reason": outcome.reason, "why": why}
