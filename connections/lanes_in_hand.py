"""The lanes that one process holds: taken when there is work, shared fairly, given back when they run dry."""

import time
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime
from math import ceil
from uuid import UUID

import structlog

from cdp_project.kernel.database import Connection
from connections import claim, leases
from connections.lane_work import Key, LaneWork
from connections.leases import Work
from connections.people import People

log = structlog.get_logger(__name__)

EXTEND_EVERY_S = leases.LEASE.total_seconds() / 3
# A lane that has run dry is kept a little: the next event may be a moment away.
KEPT_IDLE_S = 2.0


class LanesInHand:
    """Lanes under a lease of `holder`, by bucket and output."""

    def __init__(self, holder: UUID) -> None:
        self.holder = holder
        self._lanes: dict[Key, LaneWork] = {}
        self._extended_at = time.monotonic()

    def __iter__(self) -> Iterator[LaneWork]:
        return iter(self._lanes.values())

    def refresh(self, connection: Connection, processes: int, now: datetime) -> None:
        """Look which lanes have work; take, keep and give back accordingly."""
        work = leases.survey(connection, self.holder, now)
        wanted, leaving = shares(work, self._lanes.keys(), processes)
        self._keep(connection, now)
        for bucket, output_id in leases.LANES.claim(connection, wanted, self.holder, now):
            self._lanes[bucket, output_id] = _taken(connection, (bucket, output_id))
        found = {each.key: each for each in work}
        for key, lane in self._lanes.items():
            lane.is_leaving = key in leaving
            lane.may_have_more = key in found and found[key].has_open
            lane.has_due = key in found and found[key].has_due
        self._give_back_idle(connection)

    def _keep(self, connection: Connection, now: datetime) -> None:
        if time.monotonic() - self._extended_at < EXTEND_EVERY_S:
            return
        kept = set(leases.LANES.keep(connection, self._lanes, self.holder, now))
        self.drop([lane for key, lane in self._lanes.items() if key not in kept])
        self._extended_at = time.monotonic()

    def _give_back_idle(self, connection: Connection) -> None:
        at = time.monotonic()
        dry = []
        for key, lane in self._lanes.items():
            if not lane.is_idle or ((lane.may_have_more or lane.has_due) and not lane.is_leaving):
                lane.idle_since = None
                continue
            lane.idle_since = lane.idle_since or at
            if lane.is_leaving or at - lane.idle_since >= KEPT_IDLE_S:
                dry.append(key)
        self._give_back(connection, dry)

    def _give_back(self, connection: Connection, keys: Sequence[Key]) -> None:
        leases.LANES.finish(connection, keys, self.holder)
        for key in keys:
            del self._lanes[key]

    def give_back_all(self, connection: Connection) -> None:
        """Let others go on where this process stops."""
        self._give_back(connection, list(self._lanes))

    def forget(self) -> None:
        """Begin anew from what the database says. The leases stay ours."""
        self._lanes.clear()

    def drop(self, lost: Iterable[LaneWork]) -> None:
        """Forget lanes that another process has taken."""
        for lane in lost:
            log.warning("lane lost to another process", bucket=lane.bucket, output=lane.output_id)
            del self._lanes[lane.key]


def _taken(connection: Connection, key: Key) -> LaneWork:
    blocked = claim.blocked_people(connection, key)
    held_only = {mpid for mpid, is_retrying in blocked.items() if not is_retrying}
    return LaneWork(*key, People(blocked), released=held_only)


def shares(work: Iterable[Work], in_hand: Iterable[Key], processes: int) -> tuple[list[Key], set[Key]]:
    """Which free lanes to take, and which of those in hand to leave to others. Pure.

    Of every output's lanes with work each process takes an equal part, so that it never hangs on one alone.
    """
    mine = set(in_hand)
    by_output: defaultdict[int, list[Work]] = defaultdict(list)
    for each in work:
        by_output[each.key[1]].append(each)
    wanted: list[Key] = []
    leaving: set[Key] = set()
    for lanes in by_output.values():
        share = ceil(len(lanes) / max(processes, 1))
        held = [each.key for each in lanes if each.key in mine]
        free = [each.key for each in lanes if each.key not in mine and not each.is_taken]
        wanted += free[: max(share - len(held), 0)]
        leaving.update(held[share:])
    return wanted, leaving
