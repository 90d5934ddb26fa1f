"""Integrations of other kinds in real delivery: one that expands carts, one that is choosy, some with faults."""

import json
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta

import pytest

from connections import sending
from connections.models import Connection, ItemState, Output
from connections.outputs import save_settings
from directory.answers import verdict_for_status
from directory.contracts import (
    Delivery,
    Field,
    FieldType,
    Integration,
    Item,
    Kind,
    Limits,
    OutboundRequest,
    Settings,
    Wants,
)
from directory.registry import INTEGRATIONS
from events.identity_types import IdentityType
from tests import factories
from tests.post import Post
from tests.samples import PURCHASE
from tests.shop import Shop, batch, custom_event
from tests.sink import Reply, Sink

SOON = timedelta(seconds=5)


class Plain(Integration):
    """Sends the names of events."""

    key = name = summary = "plain"
    categories = ("Test",)
    kinds = frozenset({Kind.EVENT})
    fields = (Field("url", "Address", FieldType.URL, is_required=True),)
    event_types: frozenset[str] | None = None
    identity_types: frozenset[IdentityType] | None = None
    expands_commerce = False
    sample_settings: Settings = {"url": "https://example.com/"}

    def build(self, item: Item, settings: Settings) -> OutboundRequest:
        body = {
            "names": [event.name for event in item.batch.events],
            "identities": {kind.word: value for kind, value in item.batch.identities.items()},
        }
        return OutboundRequest("POST", settings["url"], {"X-Id": item.delivery_id}, json.dumps(body).encode())

    def judge(self, status: int, headers: Mapping[str, str], body: bytes) -> Delivery:
        return verdict_for_status(status, headers)


class Cart(Plain):
    """Knows products only."""

    expands_commerce = True


class Choosy(Plain):
    """Takes e-mail addresses and young events only."""

    identity_types = frozenset({IdentityType.EMAIL})

    def limits(self, settings: Settings) -> Limits:
        return Limits(event_age_most_s=24 * 3600)


class Speechless(Plain):
    """Cannot express some events."""

    def build(self, item: Item, settings: Settings) -> OutboundRequest:
        if item.batch.events[0].name == "unspeakable":
            raise ValueError("There is no word for it.")
        return super().build(item, settings)


class FaultyBuild(Plain):
    """Has a fault."""

    def build(self, item: Item, settings: Settings) -> OutboundRequest:
        raise KeyError("forgotten")


class FaultyJudge(Plain):
    """Has another."""

    def judge(self, status: int, headers: Mapping[str, str], body: bytes) -> Delivery:
        return json.loads(body)["verdict"]  # type: ignore[no-any-return]


class FaultyWants(Plain):
    """Fails on settings that it does not expect."""

    def wants(self, settings: Settings) -> Wants:
        raise KeyError("forgotten")


class FaultyLimits(Plain):
    """Declares what cannot be, once its output exists."""

    is_healthy = True

    def limits(self, settings: Settings) -> Limits:
        return Limits() if self.is_healthy else Limits(events_per_request=0)


Connect = Callable[[Integration], Connection]


@pytest.fixture
def connect(shop: Shop, sink: Sink, monkeypatch: pytest.MonkeyPatch) -> Connect:
    def connect(integration: Integration) -> Connection:
        known = {**INTEGRATIONS, integration.key: integration}
        monkeypatch.setattr(INTEGRATIONS, "_found", known)
        output = Output(workspace=shop.workspace, integration=integration.key, name="Test")
        save_settings(output, {"url": sink.url})
        return factories.connection(shop.source, output)

    return connect


def names(sink: Sink) -> list[str]:
    return [name for request in sink.requests for name in request.json["names"]]


def purchase() -> dict[str, object]:
    return {"event_type": "commerce_event", "data": dict(PURCHASE.data)}


def test_a_purchase_of_three_products_goes_out_as_four_events_and_counts_as_one(
    shop: Shop, post: Post, sink: Sink, connect: Connect
) -> None:
    """Reference EV 25."""
    connection = connect(Cart())
    shop.process(batch(purchase(), customer="u-1"))

    post.deliver()

    assert names(sink) == ["eCommerce - purchase - Item"] * 3 + ["eCommerce - purchase - Total"]
    assert len({request.headers["x-id"] for request in sink.requests}) == 4
    assert post.sums(connection) == {"delivered": 1}


def test_a_malformed_cart_harms_nobody(shop: Shop, post: Post, sink: Sink, connect: Connect) -> None:
    connection = connect(Cart())
    broken = {**PURCHASE.data, "product_action": {"action": "purchase", "products": ["x"]}, "custom_attributes": ["x"]}
    shop.process(batch({"event_type": "commerce_event", "data": broken}, custom_event("later"), customer="u-1"))

    post.deliver()

    assert names(sink) == ["eCommerce - purchase - Total", "later"]
    assert post.sums(connection) == {"delivered": 2}


@pytest.mark.parametrize(("fault", "reason"), [(ValueError, "inexpressible"), (KeyError, "integration_error")])
def test_a_cart_that_cannot_be_taken_apart_harms_itself_only(
    shop: Shop,
    post: Post,
    second_sink: Sink,
    connect: Connect,
    monkeypatch: pytest.MonkeyPatch,
    fault: type[Exception],
    reason: str,
) -> None:
    def fail(_event: object) -> None:
        raise fault("a fault")

    monkeypatch.setattr(sending, "expanded", fail)
    carts, healthy = connect(Cart()), post.connect(second_sink)
    shop.process(batch(purchase(), customer="u-1"))

    post.deliver()

    assert post.sums(healthy) == {"delivered": 1}
    assert post.sums(carts) == ({"failed": 1} if fault is ValueError else {"waiting": 1})
    assert [attempt.error for attempt in post.attempts()] == [reason]


def test_if_one_of_them_fails_all_are_sent_again_under_the_same_ids(
    shop: Shop, post: Post, sink: Sink, connect: Connect
) -> None:
    connection = connect(Cart())
    sink.script = lambda _: Reply(500 if len(sink.requests) == 3 else 200)
    shop.process(batch(purchase(), custom_event("later"), customer="u-1"))

    post.deliver()
    assert post.sums(connection) == {"waiting": 2}
    assert len(sink.requests) == 3
    post.deliver(after=SOON)

    ids = [request.headers["x-id"] for request in sink.requests]
    assert ids[:3] == ids[3:6]
    assert names(sink)[-1] == "later"
    assert post.sums(connection) == {"delivered": 2}


def test_only_identities_that_the_partner_may_see_are_sent(
    shop: Shop, post: Post, sink: Sink, connect: Connect
) -> None:
    connect(Choosy())
    shop.process(batch(custom_event(), customer="u-1", user_identities={"email": "ann@example.com"}, device="d-1"))

    post.deliver()

    (request,) = sink.requests
    assert request.json["identities"] == {"email": "ann@example.com"}


def test_events_that_are_too_old_are_withheld(shop: Shop, post: Post, sink: Sink, connect: Connect) -> None:
    """Reference CN 83."""
    connection = connect(Choosy())
    yesterday = int((datetime.now(UTC) - timedelta(hours=25)).timestamp() * 1000)
    shop.process(batch(custom_event("old", timestamp_unixtime_ms=yesterday), custom_event("new"), customer="u-1"))

    post.deliver()

    assert names(sink) == ["new"]
    assert post.reasons(connection) == {"withheld": {"too_old": 1}, "delivered": {"": 1}}


def test_what_cannot_be_expressed_fails_alone(shop: Shop, post: Post, sink: Sink, connect: Connect) -> None:
    connection = connect(Speechless())
    shop.process(batch(custom_event("unspeakable"), custom_event("fine"), customer="u-1"))

    post.deliver()

    assert names(sink) == ["fine"]
    assert post.reasons(connection) == {"failed": {"inexpressible": 1}, "delivered": {"": 1}}
    assert [row.reason for row in post.exceptions(ItemState.FAILED)] == ["inexpressible"]


@pytest.mark.parametrize("integration", [FaultyBuild(), FaultyJudge()])
def test_a_faulty_integration_harms_itself_only(
    shop: Shop, post: Post, second_sink: Sink, connect: Connect, integration: Integration
) -> None:
    faulty, healthy = connect(integration), post.connect(second_sink)
    shop.process(batch(custom_event(), customer="u-1"))

    post.deliver()

    assert post.sums(healthy) == {"delivered": 1}
    assert post.reasons(faulty) == {"waiting": {"retrying": 1}}
    assert [attempt.error for attempt in post.attempts()] == ["integration_error"]


@pytest.mark.parametrize("is_odd", [False, True])
def test_an_output_whose_settings_are_beyond_its_integration_takes_nothing(
    shop: Shop, post: Post, sink: Sink, second_sink: Sink, connect: Connect, is_odd: bool
) -> None:
    faulty, healthy = connect(Plain() if is_odd else FaultyWants()), post.connect(second_sink)
    if is_odd:
        Output.objects.filter(pk=faulty.output_id).update(settings=["not", "an", "object"])
    shop.process(batch(custom_event(), customer="u-1"))

    post.deliver()

    assert post.sums(healthy) == {"delivered": 1}
    assert post.reasons(faulty) == {"withheld": {"unsupported": 1}}
    assert sink.requests == []


def test_what_waits_for_an_output_that_breaks_goes_on_waiting(
    shop: Shop, post: Post, sink: Sink, second_sink: Sink, connect: Connect
) -> None:
    integration = FaultyLimits()
    faulty, healthy = connect(integration), post.connect(second_sink)
    shop.process(batch(custom_event(), customer="u-1"))
    integration.is_healthy = False

    post.deliver()
    assert post.sums(healthy) == {"delivered": 1}
    assert post.reasons(faulty) == {"waiting": {"retrying": 1}}

    integration.is_healthy = True
    post.deliver(after=SOON)
    assert post.sums(faulty) == {"delivered": 1}


def test_settings_that_cannot_be_read_at_the_moment_are_waited_for(shop: Shop, post: Post, sink: Sink) -> None:
    connection = post.connect(sink, authorization="Bearer canary")
    readable = Output.objects.get().secrets_encrypted
    shop.process(batch(custom_event(), customer="u-1"))
    Output.objects.update(secrets_encrypted="gAAAAABnot-ours")

    post.deliver()
    assert sink.requests == []
    assert post.reasons(connection) == {"waiting": {"retrying": 1}}

    Output.objects.update(secrets_encrypted=readable)
    post.deliver(after=SOON)
    assert [request.headers["authorization"] for request in sink.requests] == ["Bearer canary"]
