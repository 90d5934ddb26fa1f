"""Names that lead elsewhere at the second look, and names that nobody answers for: refused, and nobody else waits."""

import threading
from collections.abc import Callable
from datetime import timedelta
from ipaddress import ip_address
from typing import Any

import pycurl
import pytest

from cdp_project.kernel import clock
from cdp_project.kernel.addresses import allowances
from cdp_project.kernel.http import Sender
from cdp_project.kernel.transfer import Transfer
from connections.deliver import Deliveries
from connections.models import ItemState
from connections.sending import Sending
from tests.post import Post
from tests.product import eventually
from tests.shop import Shop, batch, custom_event
from tests.sink import Sink

PUBLIC = "8.8.8.8"
LOOPBACK = "127.0.0.1"
EVENTS = 40


@pytest.fixture
def opened(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Addresses that a connection was to be made to. Those outside this machine are not connected to."""
    tried: list[str] = []
    really_open = Transfer._open

    def note(transfer: Transfer, purpose: int, address: Any) -> Any:
        host = address[3][0]
        tried.append(host)
        return really_open(transfer, purpose, address) if ip_address(host).is_loopback else pycurl.SOCKET_BAD

    monkeypatch.setattr(Transfer, "_open", note)
    return tried


def sender_with(look_up: Callable[[str], list[str]], *allowed: str) -> Sender[Sending]:
    return Sender[Sending](allowances(allowed), look_up=look_up)


def by_name(sink: Sink, name: str) -> str:
    return sink.url.replace(LOOPBACK, name)


def test_a_name_that_leads_home_when_it_is_connected_to_is_never_asked_again(
    shop: Shop, post: Post, sink: Sink, opened: list[str]
) -> None:
    """The machine's own resolver answers otherwise than the check's did, and loopback is open: only the pin is left."""
    asked: list[str] = []

    def look_up(host: str) -> list[str]:
        asked.append(host)
        return [PUBLIC]

    made = post.connect(sink, url=by_name(sink, "localhost"))
    shop.process(*(batch(custom_event(), customer=f"u-{n}") for n in range(5)))
    with post.deliveries(sender=sender_with(look_up, f"{LOOPBACK}/32")) as loop:
        loop.drain()

    assert asked == ["localhost"]
    assert set(opened) == {PUBLIC}
    assert sink.requests == []
    assert post.sums(made) == {"waiting": 5}
    assert {each.error for each in post.attempts()} == {"connect"}


def test_a_name_that_has_become_private_is_refused_at_the_next_try(
    shop: Shop, post: Post, sink: Sink, opened: list[str]
) -> None:
    answers = iter([[PUBLIC], [LOOPBACK]])
    post.connect(sink, url=by_name(sink, "hooks.example.com"))
    shop.process(batch(custom_event(), customer="u-1"))
    for wait in (timedelta(), timedelta(minutes=1)):
        sender = sender_with(lambda _: next(answers))
        with clock.frozen(clock.now() + wait), post.deliveries(sender=sender) as loop:
            loop.drain()

    (left,) = post.exceptions(ItemState.RETRYING)
    assert left.reason == "address_refused"
    assert opened == [PUBLIC]
    assert sink.requests == []


def test_everybody_elses_events_arrive_while_a_resolver_hangs(
    shop: Shop, post: Post, sink: Sink, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("cdp_project.kernel.resolver.TIME_OUT_S", 3600.0)
    asked, release = threading.Event(), threading.Event()

    def hang(_: str) -> list[str]:
        asked.set()
        release.wait(60)
        return [LOOPBACK]

    hanging = post.connect(sink, url=by_name(sink, "slow.example.com"))
    other = post.connect(sink)
    shop.process(*(batch(custom_event(), customer=f"u-{n}") for n in range(EVENTS)))
    with post.deliveries(sender=sender_with(hang, f"{LOOPBACK}/32")) as loop:
        eventually(lambda: turned(loop, post.sums(other)), lambda sums: sums == {"delivered": EVENTS})
        assert asked.is_set()
        assert not release.is_set()
        assert post.sums(hanging) == {"waiting": EVENTS}
        assert len(sink.requests) == EVENTS

        monkeypatch.setattr("cdp_project.kernel.resolver.TIME_OUT_S", 0.0)
        eventually(lambda: turned(loop, post.attempts()), bool)
    release.set()

    assert {each.error for each in post.attempts()} == {"dns"}
    assert post.sums(hanging) == {"waiting": EVENTS}
    assert len(sink.requests) == EVENTS


def turned(loop: Deliveries, seen: Any) -> Any:
    """What was seen, and the loop has moved on."""
    if not loop.turn():
        loop.wait(0.05)
    return seen
