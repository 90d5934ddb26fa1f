"""What arrives at a sink that refuses now and then: which ids, with which events, in which order for a person."""

import random
from typing import Any

from tests.sink import Received, Reply


class Arrivals:
    """A script for a sink. `taken` are the ids that were answered with 200, in order of their first arrival.

    `numbers` lists by customer the attribute `n` of what was taken, each id once; `changed` the ids under which
    another body came than before.
    """

    def __init__(self, chance: random.Random, refused_share: float) -> None:
        self._chance = chance
        self._refused_share = refused_share
        self._events: dict[str, Any] = {}
        self.taken: dict[str, None] = {}
        self.numbers: dict[str, list[int]] = {}
        self.changed: list[str] = []
        self.refused = self.repeated = 0

    def __call__(self, request: Received) -> Reply:
        delivery_id, batch = request.headers["webhook-id"], request.json
        if self._events.setdefault(delivery_id, batch["events"]) != batch["events"]:
            self.changed.append(delivery_id)
        if self._chance.random() < self._refused_share:
            self.refused += 1
            return Reply(500)
        if delivery_id in self.taken:
            self.repeated += 1
        else:
            self._take(delivery_id, batch)
        return Reply()

    def _take(self, delivery_id: str, batch: Any) -> None:
        self.taken[delivery_id] = None
        customer = next(each["identity"] for each in batch["user_identities"])
        attributes = (event["data"]["custom_attributes"] for event in batch["events"])
        self.numbers.setdefault(customer, []).extend(int(each["n"]) for each in attributes)
