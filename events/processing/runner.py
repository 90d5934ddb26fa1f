"""The pipeline's loop: lease a lane, read a chunk, run the steps, commit, tell whoever waits.

The order of the steps is settings.CDP_PIPELINE. Inbox rows out and everything that they become in is one
transaction; locks are taken in the order lane, seen, catalogue, identity_key, profile, session, outbox, roll-up.
"""

import time
from collections import deque
from collections.abc import Sequence
from functools import partial
from uuid import UUID, uuid4

import structlog
from django.conf import settings

from cdp_project.kernel import clock
from cdp_project.kernel.database import Connection, SteadyConnection
from cdp_project.kernel.failpoints import failpoint
from events.configuration import Inputs, inputs
from events.intake.lane_key import lane_buckets
from events.pipeline import Accepted, Chunk, Phase, Step, load_steps
from events.processing import accounting, claim, duplicates, lanes
from events.processing.claim import Overtaken
from events.processing.isolation import Poison, PoisonWatch, isolate
from events.processing.lanes import Work
from events.processing.storage import Storage
from events.processing.unpack import Refused, unpack

log = structlog.get_logger(__name__)

# How often all of a lane is read rather than from its low-water mark on, and missing lanes are made.
FULL_READ_EVERY_S = 60.0


class Runner:
    """Processes what waits, one chunk of one lane a turn. One object a thread; many may run at once."""

    def __init__(self, steps: list[Step] | None = None, holder: UUID | None = None) -> None:
        steps = load_steps() if steps is None else steps
        self._prepare_steps = [step for step in steps if step.phase is Phase.PREPARE]
        self._apply_steps = [step for step in steps if step.phase is Phase.APPLY]
        self._holder = holder or uuid4()
        self._database = SteadyConnection(autocommit=True, name="tributary pipeline")
        self._inputs = inputs()
        self._storage = Storage()
        self._watch = PoisonWatch()
        self._to_visit: deque[Work] = deque()
        self._full_read_at = float("-inf")

    def turn(self) -> bool:
        """Process one chunk; False when nothing waits that this runner may take.

        Errors of the infrastructure are raised and can be retried.
        """
        connection = self._database.get()
        if not self._to_visit:
            self._to_visit.extend(self._find_work(connection))
        while self._to_visit:
            if self._work(connection, self._to_visit.popleft()):
                return True
        return False

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

    def _work(self, connection: Connection, work: Work) -> bool:
        """Process a chunk of the lane; False when another process has it or nothing waits in it any more."""
        if not lanes.lease(connection, work.bucket, self._holder, clock.now()):
            return False
        rows = claim.read(connection, work.bucket, work.first_seq)
        if not rows:
            lanes.give_back(connection, work.bucket, self._holder)
            return False
        known = self._known_inputs(connection, rows)
        try:
            poison = isolate(rows, partial(self._process, known))
            self._put_aside(work.bucket, len(rows), poison)
        except Overtaken as place:
            log.info("chunk left to another process", place=str(place))
        return True

    def _known_inputs(self, connection: Connection, rows: list[Accepted]) -> Inputs:
        known = self._inputs.get(connection)
        if any(row.input_id not in known for row in rows):
            # Made a moment ago, or deleted: only a fresh look can tell.
            self._inputs.forget()
            known = self._inputs.get(connection)
        return known

    def _process(self, known: Inputs, rows: Sequence[Accepted]) -> None:
        contexts, refused = unpack(rows, known)
        chunk = Chunk(rows[0].bucket, clock.now(), contexts)
        try:
            self._prepare(chunk, rows)
            with self._database.transaction() as connection:
                chunk.connection = connection
                self._apply(chunk, rows, refused)
        except Exception:
            # Perhaps because a partition was dropped: look again before the next try.
            self._storage.forget()
            raise
        failpoint("pipeline.after_commit")
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
        lanes.finish(chunk.transaction, chunk.bucket, lanes.safe_low_water(rows[-1].accept_seq, chunk.now))
        failpoint("pipeline.before_commit")

    def _begin(self, chunk: Chunk, rows: Sequence[Accepted]) -> None:
        if not lanes.lock(chunk.transaction, chunk.bucket):
            raise Overtaken(f"lane {chunk.bucket}")
        claim.take(chunk.transaction, rows)
        failpoint("pipeline.taken")

    def _put_aside(self, bucket: int, batches: int, poison: list[Poison]) -> None:
        """Quarantine the batches that fail by themselves, or halt the lane when they are too many."""
        halts = self._watch.must_halt(bucket, batches, poison)
        if not poison:
            return
        now = clock.now()
        chunk = Chunk(bucket, now, [])
        with self._database.transaction() as connection:
            chunk.connection = connection
            if halts:
                self._halt(connection, bucket, batches, poison)
                return
            rows = [each.row for each in poison]
            self._begin(chunk, rows)
            accounting.close_books(chunk, [(each.row, each.outcome) for each in poison])
        _tell(chunk)
        log.error("batches quarantined", bucket=bucket, batch_ids=[str(row.batch_id) for row in rows])

    def _halt(self, connection: Connection, bucket: int, batches: int, poison: list[Poison]) -> None:
        kinds = sorted({each.outcome.detail for each in poison})
        reason = f"{len(poison)} of {batches} batches fail: {', '.join(kinds)[:500]}"
        lanes.halt(connection, bucket, reason, clock.now())
        self._watch.forget(bucket)
        log.critical("lane halted", bucket=bucket, reason=reason)


def _tell(chunk: Chunk) -> None:
    """Tell whoever waits. The chunk stands whatever happens here, so an error is no failure of its batches."""
    for callback in chunk.after_commit:
        try:
            callback()
        except Exception as error:  # noqa: BLE001 - every other callback still has its turn
            log.warning("call after commit failed", bucket=chunk.bucket, error_type=type(error).__qualname__)
