"""Fill lanes in hand with what is to be delivered: new chunks, and items whose turn has come again."""

from collections.abc import Callable, Iterable, Sequence
from datetime import datetime

from cdp_project.kernel.database import Connection
from connections import again, claim, configuration
from connections.again import Turns
from connections.claim import Delivery, Found
from connections.configuration import Outputs
from connections.consignment import Consignment
from connections.lane_work import LaneWork
from connections.parcels import Parcel, parcels_of
from connections.room import HAND_BYTES_MOST, Hand, Room


class Filler:
    """Of one delivery loop: keeps its copy of the configuration and the payloads in hand."""

    def __init__(self) -> None:
        self._outputs = configuration.outputs()
        self._payloads = claim.Payloads()

    def outputs(self, connection: Connection) -> Outputs:
        """The configured outputs, at most a second old."""
        return self._outputs.get(connection)

    def fill(
        self, connection: Connection, lanes: Sequence[LaneWork], now: datetime, is_paused: Callable[[int], bool]
    ) -> bool:
        """Take in more of what waits, in the lanes that have room for it; False when nothing new was found."""
        rooms = self._rooms(lanes, is_paused)
        found = claim.open_deliveries(connection, rooms, self._payloads) if rooms else Found()
        outputs = self._outputs_knowing(connection, found.deliveries)
        by_key = {lane.key: lane for lane in rooms}
        for lane in rooms:
            lane.may_have_more = lane.key in found.lanes
        for delivery in found.deliveries:
            lane = by_key[delivery.origin.bucket, delivery.origin.output_id]
            parcels = _parcels(delivery, outputs)
            payload = delivery.payload
            lane.add(Consignment(delivery.origin, len(parcels), payload, payload.size), parcels)
        for lane in lanes:
            self._bring_back(connection, lane, outputs, now)
        return bool(found.deliveries)

    def _rooms(self, lanes: Iterable[LaneWork], is_paused: Callable[[int], bool]) -> dict[LaneWork, Room]:
        """Lanes that may take in more, with their room."""
        claiming = [lane for lane in lanes if lane.may_claim]
        if not claiming:
            return {}
        hand = Hand(HAND_BYTES_MOST - self._payloads.bytes_in_hand)
        rooms = {lane: lane.room(hand, is_paused=is_paused(lane.output_id)) for lane in claiming}
        return {lane: room for lane, room in rooms.items() if room.is_left}

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
        due = set()
        if lane.has_due and not lane.is_leaving:
            due = again.due_people(connection, lane, now) - lane.released
            lane.has_due = False
            # Of some this loop may not know yet: what was given up for them is tried again at somebody's wish.
            lane.people.blocked |= due
        released = lane.released
        if not released and not due:
            return
        turns = Turns(lane.key, released, due, now)
        most = _events_per_parcel(outputs, lane.output_id)
        parcels, is_all = again.waiting_again(connection, turns, self._payloads, most)
        lane.add_again(parcels)
        nothing_waits = released - {parcel.mpid for parcel in parcels}
        if is_all:
            lane.people.unblock(nothing_waits)
        lane.released = set() if is_all else nothing_waits


def _parcels(delivery: Delivery, outputs: Outputs) -> list[Parcel]:
    most = _events_per_parcel(outputs, delivery.origin.output_id)
    return list(parcels_of(delivery.origin, delivery.payload.batches, delivery.positions, most, delivery.done))


def _events_per_parcel(outputs: Outputs, output_id: int) -> int:
    output = outputs.by_id.get(output_id)
    return output.limits.events_per_request if output else 1
