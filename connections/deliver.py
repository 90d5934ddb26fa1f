"""The delivery loop: lease lanes, claim what is to go out, send it, record what became of it.

Building requests and sending happen outside any transaction. One object a thread; many processes share the
work, each lane of each output with one of them at a time.
"""

import time
from collections.abc import Callable, Iterable
from datetime import datetime
from random import random
from uuid import uuid4

import structlog
from django.conf import settings

from cdp_project.kernel import clock
from cdp_project.kernel.addresses import allowances
from cdp_project.kernel.database import RETRYABLE, Connection, SteadyConnection
from cdp_project.kernel.failpoints import failpoint
from cdp_project.kernel.http import Sender
from connections import claim, configuration
from connections.attempts import AttemptLog
from connections.claim import Delivery
from connections.configuration import Outputs
from connections.consignment import Consignment
from connections.courier import Courier
from connections.lane_work import LaneWork
from connections.lanes_in_hand import LanesInHand
from connections.parcels import parcels_of
from connections.record import record
from connections.sending import Sending

log = structlog.get_logger(__name__)

# Hints come sooner; this is how long a lost one may delay.
SURVEY_EVERY_S = 0.5
# What was delivered is recorded this often while more is on the way, and at once when nothing is.
RECORD_EVERY_S = 0.1
# What is on the way when the process is asked to stop may take this long: a request's time limit, and a little.
STOP_WITHIN_S = 12.0


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
        self._outputs = configuration.outputs()
        self._payloads = claim.Payloads()
        self._attempt_log = AttemptLog()
        self._processes = processes
        self._lanes = LanesInHand(uuid4())
        self._is_hinted = True
        self._surveyed_at = self._recorded_at = float("-inf")

    def turn(self) -> bool:
        """Move everything on without waiting; False when nothing moved. Errors of the infrastructure are raised."""
        now = clock.now()
        has_moved = self._courier.collect(now)
        connection = self._database.get()
        if self._is_hinted or time.monotonic() - self._surveyed_at >= SURVEY_EVERY_S:
            self._is_hinted = False
            self._lanes.refresh(connection, self._processes(), now)
            self._surveyed_at = time.monotonic()
        has_moved |= self._claim(connection, now)
        has_moved |= self._courier.dispatch(self._lanes, self._outputs.get(connection), self._processes(), now)
        return self._record_when_due(now) or has_moved

    def hint(self) -> None:
        """Look for work in the next turn, and wake up for it. Safe from any thread."""
        self._is_hinted = True
        self._sender.wake()

    def wait(self, seconds: float) -> None:
        """Sleep until there is something to do."""
        if self._has_unrecorded:
            seconds = min(seconds, RECORD_EVERY_S)
        self._sender.wait(0 if self._is_hinted else seconds)

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
        self._is_hinted = True
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
        return self._courier.is_idle and all(lane.is_idle for lane in self._lanes)

    @property
    def _has_unrecorded(self) -> bool:
        return bool(self._courier.attempts) or any(lane.has_unrecorded for lane in self._lanes)

    def _claim(self, connection: Connection, now: datetime) -> bool:
        """Take in more of what waits, in the lanes that have room for it."""
        with_room = [lane for lane in self._lanes if lane.may_have_more and lane.has_room]
        found = claim.open_deliveries(connection, with_room, self._payloads) if with_room else []
        for lane in with_room:
            lane.may_have_more = False
        outputs = self._outputs_knowing(connection, found)
        lanes = {lane.key: lane for lane in with_room}
        for delivery in found:
            lane = lanes[delivery.origin.bucket, delivery.origin.output_id]
            lane.add(_consignment(delivery, outputs))
            lane.may_have_more = True
        for lane in self._lanes:
            self._bring_back(connection, lane, outputs, now)
        return bool(found)

    def _outputs_knowing(self, connection: Connection, found: Iterable[Delivery]) -> Outputs:
        outputs = self._outputs.get(connection)
        if all(outputs.knows(each.origin.output_id, each.origin.connection_id) for each in found):
            return outputs
        # Made a moment ago, or deleted: only a fresh look can tell.
        self._outputs.forget()
        return self._outputs.get(connection)

    def _bring_back(self, connection: Connection, lane: LaneWork, outputs: Outputs, now: datetime) -> None:
        """Take in what people have waiting in exception rows, when it is due or nothing is before it any more."""
        if lane.changed:
            # The rows do not tell yet what has become of them.
            return
        people = set(lane.released)
        if lane.has_due and not lane.is_leaving:
            people |= claim.due_people(connection, lane, now)
            lane.has_due = False
        if not people:
            return
        parcels, is_all = claim.waiting_again(
            connection, lane.key, people, self._payloads, _events_per_parcel(outputs, lane.output_id)
        )
        lane.add_again(parcels)
        left = people - {parcel.mpid for parcel in parcels}
        lane.released -= people
        if is_all:
            lane.people.unblock(left)
        else:
            lane.released |= left

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
                lost = record(connection, lanes, self._lanes.holder, self._attempt_log, attempts, now)
        except RETRYABLE:
            # Whether the commit stands may be unknown. What the database says is claimed anew, and perhaps
            # sent again under the same id; writing again what may be written would count it twice.
            self._lanes.forget()
            attempts.clear()
            raise
        failpoint("delivery.after_record")
        attempts.clear()
        self._lanes.drop(lost)
        for lane in lanes:
            lane.recorded()
        self._recorded_at = time.monotonic()


def _consignment(delivery: Delivery, outputs: Outputs) -> Consignment:
    origin, payload = delivery.origin, delivery.payload
    most = _events_per_parcel(outputs, origin.output_id)
    parcels = list(parcels_of(origin, payload.batches, delivery.positions, most, delivery.is_done))
    return Consignment(origin, parcels, delivery.item_end, payload, payload.size)


def _events_per_parcel(outputs: Outputs, output_id: int) -> int:
    output = outputs.by_id.get(output_id)
    return output.limits.events_per_request if output else 1
