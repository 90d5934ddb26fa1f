"""Any order of arrivals, refusals, resets and crashes: each person gets everything in order, and the sums hold."""

import contextlib
import random
from collections import defaultdict
from datetime import timedelta

import pytest

from cdp_project.kernel import failpoints
from connections.deliver import Deliveries
from connections.models import Connection
from tests.post import Post
from tests.shop import Shop, batch, custom_event
from tests.sink import Misbehaviour, Received, Reply, Sink

PEOPLE, WAVES, CALM_WAVES, EVENTS, AMID = 8, 4, 8, 2, 10
CRASHES = (
    "delivery.before_send=error:0.02,delivery.after_send=error:0.03,"
    "delivery.before_record=error:0.1,delivery.after_record=error:0.3"
)
LATER = timedelta(minutes=11)
ROUNDS_MOST = 40


class Receiver:
    """Misbehaves by chance; remembers, by person, which events it took, in the order of their first arrival."""

    def __init__(self, chance: random.Random) -> None:
        self._chance = chance
        self.taken: defaultdict[str, list[str]] = defaultdict(list)

    def __call__(self, request: Received) -> Reply | Misbehaviour:
        troubles: list[Reply | Misbehaviour] = [Reply(500), Reply(429, {"Retry-After": "3"}), Misbehaviour.RESET]
        if self._chance.random() < 0.2:
            return self._chance.choice(troubles)
        taken = self.taken[request.json["user_identities"][0]["identity"]]
        names = [event["data"]["event_name"] for event in request.json["events"]]
        taken += [name for name in names if name not in taken]
        return Reply()


class Arrivals:
    """What people do: waves of some events of everybody, and amid deliveries one more of everybody now and then."""

    def __init__(self, shop: Shop, post: Post, chance: random.Random) -> None:
        self._shop, self._post, self._chance = shop, post, chance
        self.names: defaultdict[str, list[str]] = defaultdict(list)
        self.left_amid = 0

    @property
    def stored(self) -> int:
        return sum(map(len, self.names.values()))

    def wave(self) -> None:
        self.left_amid = AMID
        self._arrive(EVENTS)

    def amid(self, probability: float) -> bool:
        """By chance there are more just now."""
        if not self.left_amid or self._chance.random() > probability:
            return False
        self.left_amid -= 1
        self._arrive(1)
        return True

    def _arrive(self, count: int) -> None:
        first = len(self.names["u-0"])
        names = [str(number) for number in range(first, first + count)]
        for person in range(PEOPLE):
            self.names[f"u-{person}"] += names
        with self._post.at_this_time():
            self._shop.process(*(batch(*map(custom_event, names), customer=f"u-{n}") for n in range(PEOPLE)))


@pytest.fixture
def chance(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> random.Random:
    chance = random.Random(request.param)
    monkeypatch.setattr(random, "random", chance.random)  # what failpoints throw
    return chance


@pytest.fixture
def arrivals(shop: Shop, post: Post, chance: random.Random, monkeypatch: pytest.MonkeyPatch) -> Arrivals:
    """They come between any two turns of any delivery loop, which sees them in the turn after.

    Mostly when somebody is free again, and the loop has not yet looked whether anything else of theirs waits.
    """
    arrivals = Arrivals(shop, post, random.Random(chance.random()))

    class Amid(Deliveries):
        def turn(self) -> bool:
            has_moved = super().turn()
            if not arrivals.amid(0.6 if any(lane.released for lane in self._lanes) else 0.02):
                return has_moved
            for lane in self._lanes:
                lane.may_have_more = True
            return True

    monkeypatch.setattr("tests.post.Deliveries", Amid)
    return arrivals


@pytest.mark.parametrize(
    ("chance", "send"), [(0, "event"), (1, "batch"), (2, "event"), (3, "batch")], indirect=["chance"]
)
def test_everything_arrives_in_order_whatever_happens(
    post: Post, sink: Sink, monkeypatch: pytest.MonkeyPatch, chance: random.Random, arrivals: Arrivals, send: str
) -> None:
    receiver = sink.script = Receiver(chance)
    made = post.connect(sink, send=send)
    for _ in range(WAVES):
        arrivals.wave()
        deliver_by_chance(post, chance, monkeypatch, timedelta(seconds=chance.choice([1, 6, 30])))
        assert_sums_hold(post, made, arrivals.stored)
    for _ in range(CALM_WAVES):
        arrivals.wave()
        # What comes last has nothing behind it that would wake its lane.
        arrivals.left_amid = 1
        for _ in range(ROUNDS_MOST):
            deliver_by_chance(post, chance, monkeypatch, LATER)
            assert_sums_hold(post, made, arrivals.stored)
            if post.sums(made) == {"delivered": arrivals.stored}:
                break
        assert post.sums(made) == {"delivered": arrivals.stored}

    assert receiver.taken == arrivals.names
    assert post.left() == {"outbox_chunk": 0, "outbox_delivery": 0, "delivery_exception": 0}


def deliver_by_chance(post: Post, chance: random.Random, monkeypatch: pytest.MonkeyPatch, after: timedelta) -> None:
    """Deliver what is due, well or with a crash at any place."""
    if chance.random() < 0.4:
        post.deliver(after)
        return
    monkeypatch.setattr(failpoints, "_failures", failpoints._parse(CRASHES))
    with contextlib.suppress(failpoints.InjectedFailure):
        post.deliver_or_crash(after)
    monkeypatch.setattr(failpoints, "_failures", {})


def assert_sums_hold(post: Post, made: Connection, stored: int) -> None:
    reasons = post.reasons(made)
    assert sum(sum(counts.values()) for counts in reasons.values()) == stored
    assert all(count > 0 for counts in reasons.values() for count in counts.values())
