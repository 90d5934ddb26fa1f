"""Frames for open pages: what became of the events of a chunk, told once its transaction stands."""

from collections import defaultdict
from functools import partial

from cdp_project.kernel.live import SAMPLE_MOST, feed_group, publisher
from events.metrics import STORED
from events.pipeline import Chunk, Context, EventItem, Person
from events.processing.storing import Stored, to_store


def publish_after_commit(chunk: Chunk) -> None:
    """Frames for the live pages of each workspace and environment."""
    groups: dict[str, list[Stored]] = defaultdict(list)
    for stored in to_store(chunk):
        accepted = stored[0].accepted
        groups[feed_group(accepted.workspace_id, accepted.environment.word)].append(stored)
    for group, batches in groups.items():
        total = sum(len(items) for _, _, items in batches)
        newest = [row for each in batches[-SAMPLE_MOST:] for row in _live_rows(*each)]
        chunk.after_commit.append(partial(publisher.add, group, newest[-SAMPLE_MOST:], total))


def _live_rows(context: Context, person: Person, items: list[EventItem]) -> list[dict[str, str]]:
    return [
        {
            "t": context.accepted.received_at.isoformat(),
            "input": context.input.name,
            "type": item.event.event_type,
            "name": item.event.name,
            "mpid": str(person.mpid),
            "event_id": str(item.event_id),
            "state": STORED,
        }
        for item in items[-SAMPLE_MOST:]
    ]
