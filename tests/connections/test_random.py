"""Any order of refusals, resets and crashes: each person gets everything in order, and the sums hold all the time."""

import contextlib
import random
from collections import defaultdict
from datetime import timedelta

import pytest

from cdp_project.kernel import failpoints
from connections.models import Connection
from tests.post import Post
from tests.shop import Shop, batch, custom_event
from tests.sink import Misbehaviour, Received, Reply, Sink

PEOPLE, WAVES, EVENTS = 8, 6, 3
CRASHES = (
    "delivery.before_send=error:0.02,delivery.after_send=error:0.03,"
    "delivery.before_record=error:0.1,delivery.after_record=error:0.3"
)
LATER = timedelta(minutes=11)


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


@pytest.mark.parametrize(("seed", "send"), [(0, "event"), (1, "batch"), (2, "event"), (3, "batch")])
def test_everything_arrives_in_order_whatever_happens(
    shop: Shop, post: Post, sink: Sink, monkeypatch: pytest.MonkeyPatch, seed: int, send: str
) -> None:
    chance = random.Random(seed)
    monkeypatch.setattr(random, "random", chance.random)  # what failpoints throw
    receiver = sink.script = Receiver(chance)
    made = post.connect(sink, send=send)
    stored = 0
    for wave in range(WAVES):
        events = [custom_event(f"{wave}-{place}") for place in range(EVENTS)]
        shop.process(*(batch(*events, customer=f"u-{person}") for person in range(PEOPLE)))
        stored += PEOPLE * EVENTS
        deliver_by_chance(post, chance, monkeypatch, timedelta(seconds=chance.choice([1, 6, 30])))
        assert_sums_hold(post, made, stored)
    while post.sums(made) != {"delivered": stored}:
        deliver_by_chance(post, chance, monkeypatch, LATER)
        assert_sums_hold(post, made, stored)

    expected = [f"{wave}-{place}" for wave in range(WAVES) for place in range(EVENTS)]
    assert receiver.taken == {f"u-{person}": expected for person in range(PEOPLE)}
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
