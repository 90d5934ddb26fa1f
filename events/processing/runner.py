"""The pipeline's loop: lease lanes, read a chunk, run the steps, commit, tell whoever waits.

The order of the steps is settings.CDP_PIPELINE. Inbox rows out and everything that they become in is one
transaction; locks are taken in the order lane, seen, catalogue, identity_key, profile, session, outbox, roll-up.
"""

import time
from collections import Counter, defaultdict
from collections.abc import Callable, Sequence
from functools import partial
from math import ceil
from uuid import UUID, uuid4

import structlog
from django.conf import settings

from cdp_project.kernel import clock
from cdp_project.kernel.database import Connection, SteadyConnection, TryAgain
from cdp_project.kernel.failpoints import failpoint
from events import measures
from events.configuration import Inputs, inputs
from events.intake.lane_key import lane_buckets
from events.metrics import OUTCOME
from events.pipeline import Accepted, Chunk, Phase, Step, load_steps
from events.processing import accounting, claim, duplicates, lanes
from events.processing.claim import Overtaken
from events.processing.isolation import Poison, PoisonWatch, failure_of, isolate
from events.processing.lanes import Work
from events.processing.storage import Storage
from events.processing.unpack import Refused, unpack

log = structlog.get_logger(__name__)

# How often all of a lane is read rather than from its low-water mark on, and missing lanes are made.
FULL_READ_EVERY_S = 60.0
# Somebody else got on with their work each time, so a few times are enough.
COLLISIONS_MOST = 5


class Runner:
    """Processes what waits, one chunk a turn. One object a thread; many may run at once.

    A chunk takes from several lanes: what a transaction costs is shared by all that wait. `processes` tells how
    many share the lanes, this one included.
    """

    def __init__(
        self,
        steps: list[Step] | None = None,
        holder: UUID | None = None,
        processes: Callable[[], int] = lambda: 1,
    ) -> None:
        steps = load_steps() if steps is None else steps
        self._prepare_steps = [step for step in steps if step.phase is Phase.PREPARE]
        self._apply_steps = [step for step in steps if step.phase is Phase.APPLY]
        self._holder = holder or uuid4()
        self._processes = processes
        self._database = SteadyConnection(autocommit=True, name="tributary pipeline")
        self._inputs = inputs()
        self._storage = Storage()
        self._watch = PoisonWatch()
        self._full_read_at = float("-inf")

    def turn(self) -> bool:
        """Process one chunk; False when nothing waits that this runner may take.

        Errors of the infrastructure are raised and can be retried.
        """
        connection = self._database.get()
        found = self._find_work(connection)
        share = ceil(len(found) / max(self._processes(), 1))
        return bool(found) and self._work(connection, {work.bucket: work.first_seq for work in found[:share]})

    def drain(self) -> None:
        """Process until nothing waits that this runner may take."""
        self._full_read_at = float("-inf")
        while self.turn():
            pass

    def close(self) -> None:
        """Give the connection back."""
        self._database.drop()

    def _find_work(self, connection: Connection) -> list[Work]:
        read_all = time.monotonic() - self._full_read_at >= FULL_READ_EVERY_S
        if read_all:
            lanes.ensure(connection, lane_buckets(settings.CDP_LANES))
            self._full_read_at = time.monotonic()
        return lanes.with_work(connection, self._holder, clock.now(), read_all=read_all)

    def _work(self, connection: Connection, first_seqs: dict[int, int]) -> bool:
        """Process a chunk of these lanes; False when other processes have them or nothing waits any more."""
        leased = lanes.lease(connection, first_seqs, self._holder, clock.now())
        if not leased:
            return False
        rows = claim.read(connection, {bucket: first_seqs[bucket] for bucket in leased})
        lanes.give_back(connection, leased - {row.bucket for row in rows}, self._holder)
        if not rows:
            return False
        known = self._known_inputs(connection, rows)
        try:
            self._work_through(known, rows)
        except Overtaken as place:
            log.info("chunk left to another process", place=str(place))
        return True

    def _work_through(self, known: Inputs, rows: list[Accepted]) -> None:
        """All rows at once; where that fails lane by lane, so that one with poison keeps no other waiting long."""
        by_lane: defaultdict[int, list[Accepted]] = defaultdict(list)
        for row in rows:
            by_lane[row.bucket].append(row)
        if failure_of(rows, partial(self._process, known)) is None:
            for bucket, lane_rows in by_lane.items():
                self._watch.note(bucket, len(lane_rows), [])
            return
        for bucket, lane_rows in by_lane.items():
            floor = lane_rows[0].accept_seq
            poison = isolate(lane_rows, partial(self._process, known, floor=floor))
            if not (poison and self._put_aside(bucket, len(lane_rows), poison)):
                self._watch.note(bucket, len(lane_rows), poison)
        lanes.give_back(self._database.get(), by_lane, self._holder)

    def _known_inputs(self, connection: Connection, rows: list[Accepted]) -> Inputs:
        known = self._inputs.get(connection)
        if any(row.input_id not in known for row in rows):
            # Made a moment ago, or deleted: only a fresh look can tell.
            self._inputs.forget()
            known = self._inputs.get(connection)
        return known

    def _process(self, known: Inputs, rows: Sequence[Accepted], floor: int | None = None) -> None:
        """`floor` is given for a part of a lane's rows: the low-water mark goes no further, the lease goes on."""
        for _ in range(COLLISIONS_MOST):
            try:
                self._process_once(known, rows, floor)
            except TryAgain as collision:
                log.info("chunk begins anew", bucket=rows[0].bucket, why=str(collision))
            else:
                return
        self._process_once(known, rows, floor)

    def _process_once(self, known: Inputs, rows: Sequence[Accepted], floor: int | None) -> None:
        began_at = time.monotonic()
        contexts, refused = unpack(rows, known)
        chunk = Chunk(min(row.bucket for row in rows), clock.now(), contexts)
        try:
            self._prepare(chunk, rows)
            with self._database.transaction() as connection:
                chunk.connection = connection
                self._apply(chunk, rows, refused)
                self._finish(chunk, rows, floor)
                failpoint("pipeline.before_commit")
        except Exception:
            # Perhaps because a partition was dropped: look again before the next try.
            self._storage.forget()
            raise
        failpoint("pipeline.after_commit")
        _measure(chunk, rows, time.monotonic() - began_at)
        _tell(chunk)

    def _prepare(self, chunk: Chunk, rows: Sequence[Accepted]) -> None:
        for step in self._prepare_steps:
            step.run(chunk)
        days = {clock.day_of(row.received_at) for row in rows}
        self._storage.ensure(self._database.get(), days, set(duplicates.claimed_generations(chunk.now)))
        failpoint("pipeline.prepared")

    def _apply(self, chunk: Chunk, rows: Sequence[Accepted], refused: list[Refused]) -> None:
        self._begin(chunk, rows)
        for step in self._apply_steps:
            step.run(chunk)
        failpoint("pipeline.steps_done")
        accounting.close_books(chunk, refused)

    def _finish(self, chunk: Chunk, rows: Sequence[Accepted], floor: int | None) -> None:
        last_seqs = {row.bucket: row.accept_seq for row in rows}
        marks = {bucket: lanes.safe_low_water(last_seq, chunk.now) for bucket, last_seq in last_seqs.items()}
        if floor is not None:
            marks = {bucket: min(mark, floor) for bucket, mark in marks.items()}
        lanes.finish(chunk.transaction, marks, keeps_lease=floor is not None)

    def _begin(self, chunk: Chunk, rows: Sequence[Accepted]) -> None:
        buckets = sorted({row.bucket for row in rows})
        if not lanes.lock(chunk.transaction, buckets):
            raise Overtaken(f"lanes {buckets}")
        claim.take(chunk.transaction, rows)
        failpoint("pipeline.taken")

    def _put_aside(self, bucket: int, batches: int, poison: list[Poison]) -> bool:
        """Quarantine the batches that fail by themselves, or halt the lane when they are too many: True then."""
        now = clock.now()
        chunk = Chunk(bucket, now, [])
        with self._database.transaction() as connection:
            chunk.connection = connection
            if self._watch.must_halt(bucket, batches, poison):
                self._halt(connection, bucket, batches, poison)
                return True
            rows = [each.row for each in poison]
            self._begin(chunk, rows)
            accounting.close_books(chunk, [(each.row, each.outcome) for each in poison])
        _tell(chunk)
        log.error("batches quarantined", bucket=bucket, batch_ids=[str(row.batch_id) for row in rows])
        return False

    def _halt(self, connection: Connection, bucket: int, batches: int, poison: list[Poison]) -> None:
        kinds = sorted({each.outcome.detail for each in poison})
        reason = f"{len(poison)} of {batches} batches fail: {', '.join(kinds)[:500]}"
        lanes.halt(connection, bucket, reason, clock.now())
        self._watch.forget(bucket)
        log.critical("lane halted", bucket=bucket, reason=reason)


def _measure(chunk: Chunk, rows: Sequence[Accepted], seconds: float) -> None:
    """Once a chunk, when it stands."""
    events = sum([row.event_count for row in rows])
    measures.PROCESSED_EVENTS.add(events)
    measures.CHUNK_EVENTS.observe(events)
    measures.CHUNK_SECONDS.observe(seconds)
    outcomes: Counter[str] = Counter()
    for (*_, metric, label), count in chunk.metrics.items():
        if metric == OUTCOME:
            outcomes[label] += count
    for outcome, count in outcomes.items():
        measures.OUTCOMES.add(count, outcome)


def _tell(chunk: Chunk) -> None:
    """Tell whoever waits. The chunk stands whatever happens here, so an error is no failure of its batches."""
    for callback in chunk.after_commit:
        try:
            callback()
        except Exception as error:  # noqa: BLE001 - every other callback still has its turn
            log.warning("call after commit failed", bucket=chunk.bucket, error_type=type(error).__qualname__)
