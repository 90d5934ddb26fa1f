"""The delivery loop: lease lanes, claim what is to go out, send it, record what became of it.

Building requests and sending happen outside any transaction. One object a thread; many processes share the
work, each lane of each output with one of them at a time.
"""

import time
from collections.abc import Callable
from datetime import datetime
from random import random
from uuid import uuid4

import structlog
from django.conf import settings

from cdp_project.kernel import clock
from cdp_project.kernel.addresses import allowances
from cdp_project.kernel.database import RETRYABLE, SteadyConnection
from cdp_project.kernel.failpoints import failpoint
from cdp_project.kernel.http import Sender
from connections import measures
from connections.attempts import AttemptLog
from connections.courier import Courier
from connections.filling import Filler
from connections.lanes_in_hand import LanesInHand
from connections.looks import Looks
from connections.record import record
from connections.sending import Sending

log = structlog.get_logger(__name__)

# What was delivered is recorded this often while more is on the way, and at once when nothing is.
RECORD_EVERY_S = 0.1
# What is on the way when the process is asked to stop may take this long; what takes longer is sent again.
STOP_WITHIN_S = 4.0


class Deliveries:
    """What one process delivers. `processes` tells how many share the work, this one included."""

    def __init__(
        self,
        *,
        sender: Sender[Sending] | None = None,
        draw: Callable[[], float] = random,
        processes: Callable[[], int] = lambda: 1,
    ) -> None:
        self._sender = sender or Sender[Sending](allowances(settings.CDP_DELIVERY_ALLOW))
        self._courier = Courier(self._sender, draw)
        self._database = SteadyConnection(autocommit=True, name="tributary deliveries")
        self._filler = Filler()
        self._attempt_log = AttemptLog()
        self._processes = processes
        self._lanes = LanesInHand(uuid4())
        self._looks = Looks()
        # Until an output that is kept waiting may be sent to again.
        self._paced_s = float("inf")
        self._recorded_at = float("-inf")

    def turn(self) -> bool:
        """Move everything on without waiting; False when nothing moved. Errors of the infrastructure are raised."""
        now = clock.now()
        has_moved = self._courier.collect(now)
        connection = self._database.get()
        if not self._looks.wait_s(at := time.monotonic()):
            self._looks.begin(at)
            self._lanes.refresh(connection, self._processes(), now)
            self._looks.end(time.monotonic())
        has_moved |= self._filler.fill(connection, list(self._lanes), now, self._courier.is_paused)
        outputs = self._filler.outputs(connection)
        has_moved |= self._courier.dispatch(self._lanes, outputs, self._processes(), now)
        self._courier.tries.hand_over(now)
        self._paced_s = self._courier.wait_s(outputs, self._processes(), now)
        return self._record_when_due(now) or has_moved

    def hint(self) -> None:
        """Look for work soon, and wake up for it. Safe from any thread."""
        self._looks.hint()
        self._sender.wake()

    def wait(self, seconds: float) -> None:
        """Sleep until there is something to do."""
        if self._has_unrecorded:
            seconds = min(seconds, RECORD_EVERY_S)
        self._sender.wait(min(seconds, self._paced_s, self._looks.wait_s(time.monotonic())))

    def drain(self) -> None:
        """Deliver until nothing is left that is due, then give the lanes back."""
        while True:
            if self.turn():
                continue
            if not self._is_idle:
                self.wait(RECORD_EVERY_S)
            elif not self._look_again():
                break
        self._lanes.give_back_all(self._database.get())

    def _look_again(self) -> bool:
        self._looks.demand()
        return self.turn() or not self._is_idle

    def close(self) -> None:
        """Wait for what is on the way, record it, and leave the rest to others."""
        deadline = time.monotonic() + STOP_WITHIN_S
        try:
            while not self._courier.is_idle and time.monotonic() < deadline:
                self._sender.wait(RECORD_EVERY_S)
                self._courier.collect(clock.now())
            self._record(clock.now())
            self._lanes.give_back_all(self._database.get())
        except RETRYABLE as error:
            log.warning("stopped without recording; it will be repeated", error=str(error).strip())
        self._sender.close()
        self._database.drop()

    @property
    def _is_idle(self) -> bool:
        return self._courier.is_idle and all(
            lane.is_idle or self._courier.keeps_waiting(lane.output_id) for lane in self._lanes
        )

    @property
    def _has_unrecorded(self) -> bool:
        return bool(self._courier.attempts) or any(lane.has_unrecorded for lane in self._lanes)

    def _record_when_due(self, now: datetime) -> bool:
        if not self._has_unrecorded:
            return False
        if not self._courier.is_idle and time.monotonic() - self._recorded_at < RECORD_EVERY_S:
            return False
        self._record(now)
        return True

    def _record(self, now: datetime) -> None:
        lanes = [lane for lane in self._lanes if lane.has_unrecorded]
        attempts = self._courier.attempts
        self._attempt_log.ensure(self._database.get(), attempts)
        try:
            with self._database.transaction() as connection:
                lost, tally = record(connection, lanes, self._lanes.holder, self._attempt_log, attempts, now)
        except RETRYABLE:
            # Whether the commit stands may be unknown. What the database says is claimed anew, and perhaps
            # sent again under the same id; writing again what may be written would count it twice.
            self._lanes.forget()
            attempts.clear()
            raise
        failpoint("delivery.after_record")
        attempts.clear()
        measures.note_ended(tally)
        self._lanes.drop(lost)
        for lane in lanes:
            lane.recorded()
        self._recorded_at = time.monotonic()
