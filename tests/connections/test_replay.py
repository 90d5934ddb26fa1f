"""What was given up is tried again at somebody's wish: counted, in order for each person, and never two at once."""

import json
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from random import Random
from typing import Any

import pytest
from django.db import connections
from django.test import Client

from cdp_project.kernel import clock
from cdp_project.workspaces import configuration
from cdp_project.workspaces.audit import Actor
from cdp_project.workspaces.environment import Environment
from cdp_project.workspaces.models import AuditEntry, Role
from connections import choosing, replay_actions
from connections.choosing import Selection
from connections.deliver import Deliveries
from connections.models import Connection, DeliveryException, ItemState, OutboxChunk, OutboxDelivery, Output
from connections.reading.own import own_connections
from events.intake.desk import desk
from tests import factories
from tests.identity.test_api import token_of
from tests.post import Post
from tests.shop import Shop, batch, custom_event
from tests.sink import Received, Reply, Sink

Answer = tuple[int, dict[str, Any]]
Ask = Callable[..., Answer]
SOON, LONG = timedelta(seconds=5), timedelta(hours=80)
PARKED = {"state": "parked"}
EVENTS = (("u-1", "A1"), ("u-2", "B1"), ("u-1", "A2"))


@pytest.fixture(autouse=True)
def _no_numbers_of_a_later_day() -> Iterator[None]:
    """Some events here are accepted days from now; numbers of acceptance never go back within a process."""
    yield
    desk.start_anew()


@pytest.fixture
def ask(shop: Shop, client: Client) -> Ask:
    """POST to deliveries/retry, with a token that is good at that time."""
    address = f"/api/v1/workspaces/{shop.workspace.pk}/deliveries/retry"

    def ask(body: object, role: Role = Role.EDITOR) -> Answer:
        headers = {"authorization": f"Bearer {token_of(shop.workspace, role)}"}
        answer = client.post(address, json.dumps(body), "application/json", headers=headers)
        return answer.status_code, answer.json()

    return ask


def park(shop: Shop, post: Post, sink: Sink, *events: tuple[str, str]) -> Connection:
    """Let events (customer, name) of one connection be tried for 72 hours in vain."""
    connection = post.connect(sink)
    sink.script = lambda _: Reply(503)
    shop.process(*(batch(custom_event(name), customer=customer) for customer, name in events))
    # One person's events are parked one after the other: each has its first failure when it is its turn.
    while post.sums(connection).get("waiting"):
        post.deliver(after=LONG)
    assert post.sums(connection) == {"failed": len(events)}
    sink.script = lambda _: Reply()
    sink.requests.clear()
    return connection


def switch(shop: Shop, connection: Connection, what: str, *, is_on: bool) -> None:
    """Switch the connection, or its output, off or on."""
    if what == "output":
        Output.objects.filter(pk=connection.output_id).update(is_active_in_production=is_on)
    else:
        Connection.objects.filter(pk=connection.pk).update(is_active=is_on)
    configuration.changed(shop.workspace)


def test_parked_events_go_again_in_order_for_each_person(shop: Shop, post: Post, sink: Sink, ask: Ask) -> None:
    connection = park(shop, post, sink, ("u-1", "A1"), ("u-2", "B1"), ("u-1", "A2"), ("u-1", "A3"))
    with clock.frozen(post._now):
        assert ask(PARKED) == (200, {"items": 4, "is_more": False})
    assert post.reasons(connection) == {"waiting": {"retrying": 4}}

    post.deliver()

    names = sink.names()
    assert [name for name in names if name.startswith("A")] == ["A1", "A2", "A3"]
    assert sorted(names) == ["A1", "A2", "A3", "B1"]
    assert post.reasons(connection) == {"delivered": {"": 4}}
    assert post.left() == {"outbox_chunk": 0, "outbox_delivery": 0, "delivery_exception": 0}


@pytest.mark.parametrize("reason", ["http_400", "rejected"])
def test_refused_events_go_again(shop: Shop, post: Post, sink: Sink, ask: Ask, reason: str) -> None:
    connection = post.connect(sink)
    sink.script = lambda _: Reply(400)
    shop.process(batch(custom_event(), customer="u-1"))
    post.deliver()
    assert ask(PARKED)[1]["items"] == 0
    for other in ("http_404", "inexpressible", "parked"):
        assert ask({"state": "failed", "reason": other})[1]["items"] == 0
    sink.script = lambda _: Reply()

    assert ask({"state": "failed", "reason": reason})[1]["items"] == 1
    post.deliver(after=SOON)

    assert post.reasons(connection) == {"delivered": {"": 1}}


def test_what_fails_again_has_another_72_hours_and_keeps_its_order(
    shop: Shop, post: Post, sink: Sink, ask: Ask
) -> None:
    connection = park(shop, post, sink, ("u-1", "A1"), ("u-1", "A2"))
    left = [1]

    def once_busy(_: Received) -> Reply:
        left[0] -= 1
        return Reply(503 if left[0] >= 0 else 200)

    sink.script = once_busy
    with clock.frozen(post._now):
        ask(PARKED)
    post.deliver()
    assert post.reasons(connection) == {"waiting": {"retrying": 1, "held": 1}}
    (retrying,) = post.exceptions(ItemState.RETRYING)
    assert retrying.attempts == 3
    assert retrying.first_failed_at == post._now
    post.deliver(after=timedelta(hours=1))

    assert sink.names() == ["A1", "A1", "A2"]
    assert post.reasons(connection) == {"delivered": {"": 2}}


def test_what_waits_for_hours_is_hurried_and_its_counts_stay(shop: Shop, post: Post, sink: Sink, ask: Ask) -> None:
    connection = post.connect(sink)
    sink.script = lambda _: Reply(503, {"Retry-After": "7200"})
    shop.process(*(batch(custom_event(name), customer=customer) for customer, name in EVENTS))
    post.deliver()
    before = post.exceptions(ItemState.RETRYING)
    post.deliver(after=timedelta(hours=1))
    assert len(sink.requests) == len(before) == 2
    sink.script = lambda _: Reply()
    sink.requests.clear()

    with clock.frozen(post._now):
        assert ask({"state": "retrying", "reason": "http_500"})[1]["items"] == 0
        assert ask({"state": "retrying", "reason": "http_503"}) == (200, {"items": 2, "is_more": False})
        # What is due already is not counted again.
        assert ask({"state": "retrying"}) == (200, {"items": 0, "is_more": False})
    hurried = post.exceptions(ItemState.RETRYING)
    assert {each.next_at for each in hurried} == {post._now}
    for was, each in zip(before, hurried, strict=True):
        assert (each.attempts, each.first_failed_at, each.last_at) == (1, was.first_failed_at, was.last_at)
    assert post.reasons(connection) == {"waiting": {"retrying": 2, "held": 1}}
    post.deliver()

    names = sink.names()
    assert sorted(names) == ["A1", "A2", "B1"]
    assert names.index("A1") < names.index("A2")
    assert post.reasons(connection) == {"delivered": {"": 3}}


def test_events_that_are_sent_together_are_hurried_together(shop: Shop, post: Post, sink: Sink, ask: Ask) -> None:
    connection = post.connect(sink, send="batch")
    sink.script = lambda _: Reply(503, {"Retry-After": "7200"})
    shop.process(batch(custom_event("A1"), custom_event("A2"), customer="u-1"))
    post.deliver()
    (event_id,) = (str(event["event_id"]) for event in shop.events() if event["name"] == "A2")
    sink.script = lambda _: Reply()

    with clock.frozen(post._now):
        assert ask({"state": "retrying", "event_ids": [event_id]})[1]["items"] == 2
    post.deliver()

    first, second = sink.requests
    assert first.headers["webhook-id"] == second.headers["webhook-id"]
    assert first.json["events"] == second.json["events"]
    assert post.reasons(connection) == {"delivered": {"": 2}}


@pytest.mark.parametrize("what", ["output", "connection"])
def test_what_was_withheld_because_it_was_off_goes_again(
    shop: Shop, post: Post, sink: Sink, ask: Ask, what: str
) -> None:
    connection = post.connect(sink)
    shop.process(*(batch(custom_event(name), customer=customer) for customer, name in EVENTS))
    switch(shop, connection, what, is_on=False)
    post.deliver()
    assert post.reasons(connection) == {"withheld": {f"{what}_off": 3}}

    with clock.frozen(post._now):
        assert ask({"state": "withheld", "reason": "output_deleted"})[1]["items"] == 0
        assert ask({"state": "withheld"}) == (200, {"items": 3, "is_more": False})
    assert post.reasons(connection) == {"waiting": {"retrying": 3}}
    # It is still off.
    post.deliver()
    assert sink.requests == []
    assert post.reasons(connection) == {"withheld": {f"{what}_off": 3}}

    switch(shop, connection, what, is_on=True)
    with clock.frozen(post._now):
        assert ask({"state": "withheld", "reason": f"{what}_off"})[1]["items"] == 3
    post.deliver()

    assert [name for name in sink.names() if name.startswith("A")] == ["A1", "A2"]
    assert post.reasons(connection) == {"delivered": {"": 3}}
    assert post.left() == {"outbox_chunk": 0, "outbox_delivery": 0, "delivery_exception": 0}


def test_what_was_withheld_and_is_deleted_since_stays(shop: Shop, post: Post, sink: Sink, ask: Ask) -> None:
    connection = post.connect(sink)
    shop.process(batch(custom_event(), customer="u-1"))
    switch(shop, connection, "connection", is_on=False)
    post.deliver()
    number = connection.pk
    connection.delete()

    assert (
        ask({"state": "withheld"})[1]["items"] == ask({"state": "withheld", "connection_id": number})[1]["items"] == 0
    )
    connection.pk = number
    assert post.reasons(connection) == {"withheld": {"connection_off": 1}}


def test_what_was_withheld_and_not_kept_stays(shop: Shop, post: Post, sink: Sink, ask: Ask) -> None:
    connection = post.connect(sink)
    shop.process(batch(custom_event(), customer="u-1"))
    switch(shop, connection, "output", is_on=False)
    post.deliver()
    # As it was before what was withheld was kept; another output may need the chunk still.
    OutboxDelivery.objects.all().delete()

    assert ask({"state": "withheld"}) == (200, {"items": 0, "is_more": False})
    assert post.reasons(connection) == {"withheld": {"output_off": 1}}


def test_only_what_is_meant_goes_again(shop: Shop, post: Post, sink: Sink, second_sink: Sink, ask: Ask) -> None:
    first = park(shop, post, sink, ("u-1", "A1"), ("u-2", "B1"))
    (event_id,) = (str(event["event_id"]) for event in shop.events() if event["name"] == "B1")

    second = post.connect(second_sink)
    assert ask({**PARKED, "connection_id": second.pk})[1]["items"] == 0
    assert ask({**PARKED, "output_id": second.output_id})[1]["items"] == 0
    with clock.frozen(post._now):
        assert ask({**PARKED, "event_ids": [event_id]})[1]["items"] == 1
    post.deliver()

    assert sink.names() == ["B1"]
    assert post.reasons(first) == {"delivered": {"": 1}, "failed": {"parked": 1}}
    (entry,) = AuditEntry.objects.filter(action="retried")
    assert (entry.after or {})["deliveries"] == {
        "environment": "production",
        "connection_ids": [first.pk, second.pk],
        "state": "parked",
        "event_ids": 1,
        "items": 1,
        "is_more": False,
    }


def test_a_call_is_bounded_and_says_that_more_is_left(
    shop: Shop, post: Post, sink: Sink, ask: Ask, monkeypatch: pytest.MonkeyPatch
) -> None:
    park(shop, post, sink, *((f"u-{number}", "E") for number in range(5)))
    monkeypatch.setattr(choosing, "ITEMS_MOST", 2)
    assert ask(PARKED) == (200, {"items": 2, "is_more": True})
    monkeypatch.setattr(choosing, "ITEMS_MOST", 10)
    assert ask(PARKED) == (200, {"items": 3, "is_more": False})


def test_what_cannot_be_read_stays_where_it_is(shop: Shop, post: Post, sink: Sink, ask: Ask) -> None:
    connection = park(shop, post, sink, *((f"u-{number}", "E") for number in range(8)))
    first, *_ = post.exceptions(ItemState.PARKED)
    # People of one lane share a chunk.
    lost = DeliveryException.objects.filter(chunk_id=first.chunk_id).count()
    OutboxChunk.objects.filter(chunk_id=first.chunk_id).update(payload=b"broken")

    assert ask(PARKED)[1]["items"] == 8 - lost
    assert post.reasons(connection) == {"failed": {"parked": lost}, "waiting": {"retrying": 8 - lost}}


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"state": "held"},
        {"state": "parked", "conection_id": 1},
        {**PARKED, "connection_id": 1},
        {**PARKED, "output_id": 1},
        {**PARKED, "reason": "praked"},
        {**PARKED, "event_ids": ["x"]},
        [],
    ],
)
def test_a_body_that_does_not_say_what_is_meant_moves_nothing(
    shop: Shop, post: Post, sink: Sink, ask: Ask, body: object
) -> None:
    connection = park(shop, post, sink, ("u-1", "A1"))

    assert ask(body)[0] == 400
    assert ask(PARKED, role=Role.ANALYST)[1]["code"] == "role_too_low"
    assert post.reasons(connection) == {"failed": {"parked": 1}}


def test_strangers_move_nothing(shop: Shop, post: Post, sink: Sink, client: Client) -> None:
    connection = park(shop, post, sink, ("u-1", "A1"))
    other = factories.workspace()
    bearer = {"authorization": f"Bearer {token_of(other, Role.ADMIN)}"}
    body = {**PARKED, "connection_id": connection.pk}
    theirs = client.post(f"/api/v1/workspaces/{other.pk}/deliveries/retry", body, "application/json", headers=bearer)

    assert theirs.json()["code"] == "bad_parameter"
    assert post.reasons(connection) == {"failed": {"parked": 1}}


def test_of_many_who_ask_at_once_each_item_is_taken_once(shop: Shop, post: Post, sink: Sink) -> None:
    connection = park(shop, post, sink, *((f"u-{number}", "E") for number in range(20)))
    selection = Selection(own_connections(shop.workspace, Environment.PRODUCTION), ItemState.PARKED)

    def retry(_: int) -> int:
        try:
            return replay_actions.retry(Actor("test"), shop.workspace, selection).items
        finally:
            connections.close_all()

    with ThreadPoolExecutor(4) as pool:
        assert sum(pool.map(retry, range(4))) == 20
    assert post.reasons(connection) == {"waiting": {"retrying": 20}}


@contextmanager
def running(loop: Deliveries) -> Iterator[None]:
    """The loop in a thread of its own, as its process runs it."""
    stopping = threading.Event()
    failures: list[BaseException] = []

    def run() -> None:
        try:
            while not stopping.is_set():
                if not loop.turn():
                    loop.wait(0.02)
        except BaseException as error:  # noqa: BLE001 - told to the test
            failures.append(error)

    thread = threading.Thread(target=run)
    thread.start()
    try:
        yield
    finally:
        stopping.set()
        thread.join(30)
    assert failures == []


def wait_for(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 30
    while not condition():
        assert time.monotonic() < deadline, "it did not happen in time"
        time.sleep(0.02)


@dataclass
class Watch:
    """Counts requests of each person that are being answered, and answers once it is open."""

    sink: Sink
    is_open: threading.Event = field(default_factory=threading.Event)
    on_the_way: Counter[str] = field(default_factory=Counter)
    most: int = 0

    def react(self, request: Received) -> Reply:
        person = str(request.json["user_identities"][0]["identity"])
        self.sink.requests.append(request)
        self.on_the_way[person] += 1
        self.most = max(self.most, self.on_the_way[person])
        self.is_open.wait(30)
        self.on_the_way[person] -= 1
        return Reply()


def test_a_loop_that_has_the_lane_takes_them_up_and_never_sends_two_of_a_person_at_once(
    shop: Shop, post: Post, sink: Sink, ask: Ask, monkeypatch: pytest.MonkeyPatch
) -> None:
    connection = park(shop, post, sink, *((f"u-{n % 2}", f"P{n}") for n in range(6)))
    watch = Watch(sink)
    monkeypatch.setattr(sink, "react", watch.react)

    with clock.frozen(post._now), post.deliveries() as loop, running(loop):
        # The lane is in hand, with an event of each person on the way, when the others come back.
        shop.process(*(batch(custom_event(f"N{n}"), customer=f"u-{n % 2}") for n in range(4)))
        loop.hint()
        wait_for(lambda: sum(watch.on_the_way.values()) == 2)
        assert ask(PARKED)[1]["items"] == 6
        # A survey later they stand in line.
        wait_for(lambda: sum(len(lane.people.blocked) for lane in loop._lanes) == 2)
        watch.is_open.set()
        wait_for(lambda: post.sums(connection) == {"delivered": 10})

    names = sink.names()
    assert len(names) == len(set(names)) == 10
    assert watch.most == 1
    for person in (0, 1):
        mine = [name for name in names if int(name[1:]) % 2 == person]
        assert [name for name in mine if name[0] == "P"] == sorted(name for name in mine if name[0] == "P")
        assert [name for name in mine if name[0] == "N"] == sorted(name for name in mine if name[0] == "N")
    assert not DeliveryException.objects.exists()


def test_new_events_of_the_person_wait_behind_those_that_go_again(shop: Shop, post: Post, sink: Sink, ask: Ask) -> None:
    connection = park(shop, post, sink, ("u-1", "P1"), ("u-1", "P2"))
    is_open, has_begun = threading.Event(), threading.Event()

    def slowly(_: Received) -> Reply:
        has_begun.set()
        is_open.wait(30)
        return Reply()

    sink.script = slowly
    with clock.frozen(post._now), post.deliveries() as loop, running(loop):
        assert ask(PARKED)[1]["items"] == 2
        loop.hint()
        assert has_begun.wait(30)
        shop.process(batch(custom_event("N1"), customer="u-1"))
        loop.hint()
        wait_for(lambda: post.reasons(connection).get("waiting", {}).get("held") == 1)
        is_open.set()
        wait_for(lambda: post.sums(connection) == {"delivered": 3})

    assert sink.names() == ["P1", "P2", "N1"]


def test_all_arrives_while_somebody_retries_all_the_time_and_the_sums_hold(
    shop: Shop, post: Post, sink: Sink, monkeypatch: pytest.MonkeyPatch
) -> None:
    connection = post.connect(sink)
    total, people = 120, 12
    shop.process(*(batch(custom_event(f"E{n}"), customer=f"u-{n % people}") for n in range(total)))
    watch = Watch(sink)
    watch.is_open.set()
    draw = Random(7)
    monkeypatch.setattr(sink, "react", lambda request: Reply(400) if draw.random() < 0.3 else watch.react(request))
    selection = Selection(own_connections(shop.workspace, Environment.PRODUCTION), ItemState.FAILED)
    stored = []

    def all_arrived() -> bool:
        replay_actions.retry(Actor("test"), shop.workspace, selection)
        sums = post.sums(connection)
        stored.append(sum(sums.values()))
        return sums == {"delivered": total}

    both = {"processes": lambda: 2}
    with post.deliveries(**both) as one, post.deliveries(**both) as two, running(one), running(two):
        wait_for(all_arrived)

    assert set(stored) == {total}
    assert sorted(sink.names()) == sorted(f"E{n}" for n in range(total))
    assert watch.most == 1
    assert post.left() == {"outbox_chunk": 0, "outbox_delivery": 0, "delivery_exception": 0}
