"""Who was active: the people that a chunk met, as bitmaps of their numbers; each is written once a day and process."""

from collections import defaultdict
from collections.abc import Mapping
from datetime import date
from functools import partial

from pyroaring import BitMap

from cdp_project.kernel import bulk, clock
from cdp_project.kernel.buckets import time_ordered_id
from events.pipeline import Chunk

PLACES_MOST = 10_000

Place = tuple[int, int, int, date]
"""workspace, environment, input and UTC day of acceptance."""

_COLUMNS = ("bucket", "part_id", "workspace_id", "environment", "input_id", "day", "people")


class Written:
    """Whom this process has written down, by place. To forget costs a repeated row and nothing else."""

    def __init__(self) -> None:
        self._people: dict[Place, BitMap] = {}
        self._newest = date.min

    def at(self, place: Place) -> BitMap:
        """Numbers that are in the database."""
        return self._people.get(place) or BitMap()

    def add(self, found: Mapping[Place, BitMap]) -> None:
        """These are committed. A new day begins with nobody."""
        newest = max(day for *_, day in found)
        if newest > self._newest or len(self._people) > PLACES_MOST:
            self._people.clear()
            self._newest = newest
        for place, people in found.items():
            self._people.setdefault(place, BitMap()).update(people)


written = Written()
"""The process's own."""


def record(chunk: Chunk) -> None:
    """Write who came to this process for the first time today. Within the transaction.

    Active is a person of a stored batch, with events or without; history makes nobody active.
    """
    fresh = {place: people for place, numbers in _met(chunk).items() if (people := BitMap(numbers) - written.at(place))}
    if not fresh:
        return
    rows = [
        (chunk.bucket, time_ordered_id(chunk.now, chunk.bucket), *place, people.serialize())
        for place, people in fresh.items()
    ]
    bulk.insert(chunk.transaction, "active_partial", _COLUMNS, rows, key_width=2)
    chunk.after_commit.append(partial(written.add, fresh))


def _met(chunk: Chunk) -> dict[Place, list[int]]:
    found: defaultdict[Place, list[int]] = defaultdict(list)
    for context in chunk.open():
        accepted, person = context.accepted, context.person
        if person is not None and person.person_no is not None and not accepted.is_historical:
            day = clock.day_of(accepted.received_at)
            found[accepted.workspace_id, int(accepted.environment), accepted.input_id, day].append(person.person_no)
    return found
