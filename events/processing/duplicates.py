"""What was processed before: exact over four generations of ten days, also between processes.

A key is claimed by inserting it; who comes second finds it there. Near the border of two generations a key
is claimed in both, so that two processes whose clocks lie on either side of it cannot both be first.
"""

import hashlib
from collections import Counter
from collections.abc import Iterable
from datetime import datetime, timedelta
from enum import Enum

from cdp_project.kernel import bulk, partitions
from cdp_project.kernel.buckets import bucket_of_digest, digest
from cdp_project.kernel.database import Connection
from cdp_project.workspaces.environment import Environment

GENERATION = timedelta(days=10)
KEPT = 4
# Longer than any transaction lasts and than clocks of one installation lie apart.
BORDER = timedelta(minutes=5)

BATCH, EVENT = 1, 2
"""Kinds of keys: a batch's source_request_id, an event's source_message_id."""

_KEY = ("bucket", "generation", "input_id", "kind", "key")
_COLUMNS = (*_KEY, "body_hash")
_GIVE_BACK = """
DELETE FROM seen s
USING unnest(%s::int2[], %s::int2[], %s::int8[], %s::int2[], %s::bytea[]) AS k (bucket, generation, input_id, kind, key)
WHERE s.bucket = k.bucket AND s.generation = k.generation AND s.input_id = k.input_id AND s.kind = k.kind
  AND s.key = k.key
"""
_CLAIM = "ON CONFLICT DO NOTHING RETURNING input_id, kind, key"


class Sight(Enum):
    """How an id was met: for the first time, again, or again with another body."""

    FIRST = "first"
    REPEAT = "repeat"
    CONFLICT = "conflict"


SourceId = tuple[int, int, bytes]
"""An id that a client gave: input, kind, and environment and id hashed, so that its length does not matter."""

Sighting = tuple[SourceId, bytes]
"""An id and the hash of what came under it."""


def sighting(input_id: int, environment: Environment, kind: int, source_id: str, body: bytes) -> Sighting:
    """The id as it is kept, with the hash of its body."""
    return (input_id, kind, digest(environment.word, source_id)), hashlib.blake2b(body, digest_size=8).digest()


def generation_of(at: datetime) -> int:
    """The generation that a time of processing belongs to."""
    return int(at.timestamp() // GENERATION.total_seconds())


def claimed_generations(now: datetime) -> list[int]:
    """Generations in which a key is claimed now: one, near a border two."""
    return sorted({generation_of(now - BORDER), generation_of(now), generation_of(now + BORDER)})


def older_generations(now: datetime) -> range:
    """Generations that are looked at besides the claimed ones: together at least 30 days."""
    return range(generation_of(now) - KEPT + 1, claimed_generations(now)[0])


class OlderGenerations:
    """Which older generations have a table; asked anew when a generation ends."""

    def __init__(self) -> None:
        self._found: dict[range, list[int]] = {}

    def get(self, connection: Connection, now: datetime) -> list[int]:
        """Those to look at besides the claimed ones."""
        wanted = older_generations(now)
        if wanted not in self._found:
            tables = set(partitions.partitions_of(connection, "seen"))
            self._found = {wanted: [each for each in wanted if partitions.list_partition("seen", each) in tables]}
        return self._found[wanted]

    def forget(self) -> None:
        """Look again: a generation was made."""
        self._found.clear()


older = OlderGenerations()
"""The process's own."""


def claim(connection: Connection, now: datetime, sightings: list[Sighting]) -> list[Sight]:
    """How each id was met, in the given order; those met for the first time are remembered.

    Within the transaction. All ids are of one kind: batches are claimed before events, never the other way.
    """
    first_hash: dict[SourceId, bytes] = {}
    for source_id, body_hash in sightings:
        first_hash.setdefault(source_id, body_hash)
    known = _met_before(connection, now, first_hash)
    return [_sight(known, *each) for each in sightings]


def give_back(connection: Connection, now: datetime, ids: Iterable[SourceId]) -> None:
    """Forget ids that were claimed in this transaction, at the same `now`."""
    rows = [
        (bucket_of_digest(key), generation, input_id, kind, key)
        for input_id, kind, key in ids
        for generation in claimed_generations(now)
    ]
    if rows:
        connection.execute(_GIVE_BACK, [list(column) for column in zip(*rows, strict=True)])


def _sight(known: dict[SourceId, bytes], source_id: SourceId, body_hash: bytes) -> Sight:
    before = known.get(source_id)
    if before is None:
        known[source_id] = body_hash
        return Sight.FIRST
    return Sight.REPEAT if before == body_hash else Sight.CONFLICT


def _met_before(connection: Connection, now: datetime, hashes: dict[SourceId, bytes]) -> dict[SourceId, bytes]:
    """Of these ids, those that were claimed earlier, with the hash kept; the others are claimed now."""
    known = _look_up(connection, hashes, older.get(connection, now))
    claimed = claimed_generations(now)
    fresh = {source_id: body_hash for source_id, body_hash in hashes.items() if source_id not in known}
    if lost := fresh.keys() - _insert(connection, fresh, claimed):
        known |= _look_up(connection, lost, claimed)
    return known


def _look_up(connection: Connection, ids: Iterable[SourceId], generations: list[int]) -> dict[SourceId, bytes]:
    keys = [
        (bucket_of_digest(key), generation, input_id, kind, key)
        for input_id, kind, key in ids
        for generation in generations
    ]
    rows = bulk.lookup(connection, "seen", _KEY, keys, ["body_hash"])
    return {(input_id, kind, key): body_hash for (_, _, input_id, kind, key), (body_hash,) in rows}


def _insert(connection: Connection, hashes: dict[SourceId, bytes], generations: list[int]) -> set[SourceId]:
    """The ids that nobody else had claimed in any of the generations."""
    rows = [
        (bucket_of_digest(source_id[2]), generation, *source_id, body_hash)
        for source_id, body_hash in hashes.items()
        for generation in generations
    ]
    claimed = bulk.insert(connection, "seen", _COLUMNS, rows, tail=_CLAIM, key_width=len(_KEY))
    times = Counter((input_id, kind, key) for input_id, kind, key in claimed)
    return {source_id for source_id, count in times.items() if count == len(generations)}
