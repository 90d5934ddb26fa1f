"""Takes parcels out of the lines of lanes, sends them, and tells the lanes what became of them.

Every output has a share of its own of what may be on the way at once, so one that hangs keeps nobody waiting.
"""

from collections import defaultdict, deque
from collections.abc import Callable, Iterable
from datetime import datetime

import structlog

from cdp_project.kernel.exchange import Result
from cdp_project.kernel.failpoints import failpoint
from cdp_project.kernel.http import Sender
from connections.attempts import Attempt, attempt
from connections.breaker import Breaker
from connections.configuration import OutputConfig, Outputs
from connections.lane_work import LaneWork
from connections.measures import PAUSED
from connections.pace import Pace
from connections.parcels import Parcel, parked, withheld
from connections.retry import is_overdue
from connections.sending import Sending, end_of, items_of, judge, next_request
from connections.traffic import Traffic
from connections.tries import Tries
from directory.contracts import Delivered, Delivery, OutboundRequest, RetryLater
from events.reasons import OUTPUT_PAUSED

log = structlog.get_logger(__name__)

IN_FLIGHT_MOST = 256
# Every output may have one request on the way, however many there are; sockets of a process are not without end.
TRANSFERS_MOST = 400


class Courier:
    """`attempts` gathers what is kept of requests until somebody records it."""

    def __init__(self, sender: Sender[Sending], draw: Callable[[], float]) -> None:
        self._sender = sender
        self._draw = draw
        self._traffic: defaultdict[int, Traffic] = defaultdict(lambda: Traffic(Breaker(draw), Pace()))
        # Outputs that may not be sent to now, although something is ready for them.
        self._kept_waiting: set[int] = set()
        self.attempts: list[Attempt] = []
        self.tries = Tries()
        PAUSED.read = self._paused

    @property
    def is_idle(self) -> bool:
        """Whether nothing is on the way."""
        return not self._sender.in_flight

    def keeps_waiting(self, output_id: int) -> bool:
        """Whether what is ready for the output has to wait: for a pause to end, or for its pace."""
        return output_id in self._kept_waiting

    def is_paused(self, output_id: int) -> bool:
        """Whether the output takes nothing from anybody at the moment."""
        return output_id in self._traffic and self._traffic[output_id].breaker.is_open

    def wait_s(self, outputs: Outputs, processes: int, now: datetime) -> float:
        """Seconds after which an output that is kept waiting may be sent to again; inf when none is."""
        waits = (
            self._traffic[output_id].wait_s(_per_second(outputs.by_id.get(output_id), processes), now)
            for output_id in self._kept_waiting
        )
        return min((seconds for seconds in waits if seconds > 0), default=float("inf"))

    def _paused(self) -> dict[tuple[str, ...], float]:
        # Asked by another thread: a copy first, which nothing interrupts.
        return {(str(output_id),): float(each.breaker.is_open) for output_id, each in list(self._traffic.items())}

    def collect(self, now: datetime) -> bool:
        """Take in the answers that have come; False when there are none."""
        ended = self._sender.advance()
        for sending, result in ended:
            failpoint("delivery.after_send")
            delivery = judge(result, sending.output)
            if not (isinstance(delivery, Delivered) and self._send_next(sending, now)):
                self._learn(sending, delivery, now)
                self._end(sending, delivery, result, now)
        return bool(ended)

    def dispatch(self, lanes: Iterable[LaneWork], outputs: Outputs, processes: int, now: datetime) -> bool:
        """Send what may be sent; False when there is nothing."""
        ready: defaultdict[int, deque[LaneWork]] = defaultdict(deque)
        for lane in lanes:
            if lane.people.is_ready:
                ready[lane.output_id].append(lane)
        self._kept_waiting.clear()
        busy = {output_id for output_id, traffic in self._traffic.items() if traffic.on_the_way}
        share = max(1, IN_FLIGHT_MOST // max(1, len(ready.keys() | busy)))
        taken = 0
        # In another order each time: where there is not room for all, nobody is always last.
        for output_id, lanes_of_it in sorted(ready.items(), key=lambda _: self._draw()):
            output = outputs.by_id.get(output_id)
            most = max(1, output.limits.concurrent_requests // processes) if output else 1
            per_second = _per_second(output, processes)
            taken += self._dispatch(lanes_of_it, outputs, min(share, most), per_second, now)
        return taken > 0

    def _dispatch(
        self, ready: deque[LaneWork], outputs: Outputs, most: int, per_second: float | None, now: datetime
    ) -> int:
        """One parcel of each lane in turn, until the output has as much on the way as it may."""
        output_id = ready[0].output_id
        traffic = self._traffic[output_id]
        taken = 0
        while ready and self._sender.in_flight < TRANSFERS_MOST:
            lane = ready.popleft()
            if traffic.may_send(most, per_second, now):
                self._take(lane, outputs, now)
            elif not (traffic.breaker.is_open and is_overdue(lane.people.next(), now)):
                if traffic.on_the_way < most:
                    self._kept_waiting.add(output_id)
                break
            else:
                lane.finish(lane.people.take(), parked(OUTPUT_PAUSED))
            taken += 1
            if lane.people.is_ready:
                ready.append(lane)
        return taken

    def _take(self, lane: LaneWork, outputs: Outputs, now: datetime) -> None:
        parcel = lane.people.take()
        origin = parcel.origin
        if reason := outputs.withheld(origin.output_id, origin.connection_id, origin.environment):
            lane.finish(parcel, withheld(reason))
            return
        self._send(lane, parcel, outputs.by_id[origin.output_id], now)

    def _send(self, lane: LaneWork, parcel: Parcel, output: OutputConfig, now: datetime) -> None:
        failpoint("delivery.before_send")
        self._traffic[lane.output_id].sent()
        if not parcel.attempts:
            self.tries.began(parcel.batch.received_at_ms)
        self._send_next(Sending(lane, parcel, output, items_of(parcel, output, int(now.timestamp()))), now)

    def _send_next(self, sending: Sending, now: datetime) -> bool:
        """Start the parcel's next request; False when it has no more."""
        request = next_request(sending.items, sending.output)
        if request is None:
            return False
        traffic = self._traffic[sending.lane.output_id]
        if isinstance(request, OutboundRequest):
            traffic.pace.sent()
            self._sender.start(sending, request)
        else:
            traffic.breaker.not_sent()
            self._end(sending, request, None, now)
        return True

    def _learn(self, sending: Sending, delivery: Delivery, now: datetime) -> None:
        """What an answer, or its absence, tells about the output as a whole."""
        breaker = self._traffic[sending.lane.output_id].breaker
        if not isinstance(delivery, RetryLater):
            breaker.answered()
        elif breaker.failed(sending.parcel.mpid, now, delivery.after_s):
            sending.parcel.pauses_output = True
            log.warning("output paused", output=sending.lane.output_id, reason=delivery.reason)

    def _end(self, sending: Sending, delivery: Delivery, result: Result | None, now: datetime) -> None:
        parcel, traffic = sending.parcel, self._traffic[sending.lane.output_id]
        traffic.ended()
        self.tries.ended(sending.lane.output_id, delivery)
        # A success is worth keeping where people look for the end of a story that began badly.
        if not isinstance(delivery, Delivered) or parcel.attempts or traffic.wants_sample(now):
            self.attempts.append(attempt(parcel, sending.output, delivery, result, now))
        sending.lane.finish(parcel, end_of(parcel, delivery, now, self._draw))


def _per_second(output: OutputConfig | None, processes: int) -> float | None:
    """Requests a second that this process may send."""
    most = output.limits.requests_per_second if output else None
    return None if most is None else most / processes
