"""Takes parcels out of the lines of lanes, sends them, and tells the lanes what became of them.

Every output has a share of its own of what may be on the way at once, so one that hangs keeps nobody waiting.
"""

from collections import Counter, defaultdict, deque
from collections.abc import Callable, Iterable
from datetime import datetime

from cdp_project.kernel.exchange import Result
from cdp_project.kernel.failpoints import failpoint
from cdp_project.kernel.http import Sender
from connections.attempts import Attempt, attempt
from connections.configuration import OutputConfig, Outputs
from connections.lane_work import LaneWork
from connections.parcels import Parcel, withheld
from connections.sending import Sending, end_of, items_of, judge, next_request
from directory.contracts import Delivered, Delivery, OutboundRequest

IN_FLIGHT_MOST = 256
# Every output may have one request on the way, however many there are; sockets of a process are not without end.
TRANSFERS_MOST = 400


class Courier:
    """`attempts` gathers the requests without success until somebody records them."""

    def __init__(self, sender: Sender[Sending], draw: Callable[[], float]) -> None:
        self._sender = sender
        self._draw = draw
        self._on_the_way: Counter[int] = Counter()
        self.attempts: list[Attempt] = []

    @property
    def is_idle(self) -> bool:
        """Whether nothing is on the way."""
        return not self._sender.in_flight

    def collect(self, now: datetime) -> bool:
        """Take in the answers that have come; False when there are none."""
        ended = self._sender.advance()
        for sending, result in ended:
            failpoint("delivery.after_send")
            delivery = judge(result, sending.output)
            if not (isinstance(delivery, Delivered) and self._send_next(sending, now)):
                self._end(sending, delivery, result, now)
        return bool(ended)

    def dispatch(self, lanes: Iterable[LaneWork], outputs: Outputs, processes: int, now: datetime) -> bool:
        """Send what may be sent; False when there is nothing."""
        ready: defaultdict[int, deque[LaneWork]] = defaultdict(deque)
        for lane in lanes:
            if lane.people.is_ready:
                ready[lane.output_id].append(lane)
        share = max(1, IN_FLIGHT_MOST // max(1, len(ready.keys() | self._on_the_way.keys())))
        taken = 0
        # In another order each time: where there is not room for all, nobody is always last.
        for output_id, lanes_of_it in sorted(ready.items(), key=lambda _: self._draw()):
            output = outputs.by_id.get(output_id)
            most = max(1, output.limits.concurrent_requests // processes) if output else 1
            taken += self._dispatch(lanes_of_it, outputs, min(share, most), now)
        return taken > 0

    def _dispatch(self, ready: deque[LaneWork], outputs: Outputs, most: int, now: datetime) -> int:
        """One parcel of each lane in turn, until the output has as much on the way as it may."""
        taken = 0
        while ready and self._on_the_way[ready[0].output_id] < most and self._sender.in_flight < TRANSFERS_MOST:
            lane = ready.popleft()
            self._take(lane, outputs, now)
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
        self._on_the_way[lane.output_id] += 1
        self._send_next(Sending(lane, parcel, output, items_of(parcel, output, int(now.timestamp()))), now)

    def _send_next(self, sending: Sending, now: datetime) -> bool:
        """Start the parcel's next request; False when it has no more."""
        request = next_request(sending.items, sending.output)
        if request is None:
            return False
        if isinstance(request, OutboundRequest):
            self._sender.start(sending, request)
        else:
            self._end(sending, request, None, now)
        return True

    def _end(self, sending: Sending, delivery: Delivery, result: Result | None, now: datetime) -> None:
        output_id = sending.lane.output_id
        self._on_the_way[output_id] -= 1
        if not self._on_the_way[output_id]:
            del self._on_the_way[output_id]
        if not isinstance(delivery, Delivered):
            self.attempts.append(attempt(sending.parcel, sending.output, delivery, result, now))
        sending.lane.finish(sending.parcel, end_of(sending.parcel, delivery, now, self._draw))
