"""Which events go out on which connection, and why the others do not."""

from datetime import UTC, datetime, timedelta

import pytest

from cdp_project.workspaces.environment import Environment
from connections.forward import Route, Withheld, withheld_batch, withheld_event
from connections.models import Output
from directory.contracts import Wants
from tests import factories
from tests.post import Post
from tests.shop import Shop, batch, custom_event
from tests.sink import Sink

NOW = datetime(2026, 11, 23, 10, 0, tzinfo=UTC)
PRODUCTION, DEVELOPMENT = Environment.PRODUCTION, Environment.DEVELOPMENT
SCREEN = {"event_type": "screen_view", "data": {"screen_name": "Home"}}


def route(
    *,
    is_active: bool = True,
    environments: frozenset[Environment] = frozenset(Environment),
    wants: Wants | None = None,
    event_age_most_s: int | None = None,
) -> Route:
    return Route(1, 2, is_active, environments, wants or Wants(), event_age_most_s, 7)


@pytest.mark.parametrize(
    ("given", "is_historical", "expected"),
    [
        (route(), False, None),
        (route(is_active=False), False, "connection_off"),
        (route(environments=frozenset({DEVELOPMENT})), False, "output_off"),
        (route(), True, "historical"),
        (route(is_active=False, environments=frozenset()), True, "connection_off"),
    ],
)
def test_what_keeps_back_a_batch(given: Route, is_historical: bool, expected: str | None) -> None:
    found = withheld_batch(given, PRODUCTION, is_historical=is_historical)
    assert found == (Withheld(expected) if expected else None)


@pytest.mark.parametrize(
    ("given", "age", "expected"),
    [
        (route(), timedelta(days=4000), None),
        (route(wants=Wants(frozenset({"screen_view"}))), timedelta(), "unsupported"),
        (route(wants=Wants(frozenset({"custom_event"}))), timedelta(), None),
        (route(wants=Wants(left_out=frozenset({"custom_event"}))), timedelta(), "type_off"),
        (route(wants=Wants(leaves_out_unknown=True)), timedelta(), None),
        (route(event_age_most_s=24 * 3600), timedelta(hours=25), "too_old"),
        (route(event_age_most_s=24 * 3600), timedelta(hours=24), None),
        (route(event_age_most_s=24 * 3600), timedelta(hours=-5), None),
    ],
)
def test_what_keeps_back_an_event(given: Route, age: timedelta, expected: str | None) -> None:
    found = withheld_event(given, "custom_event", NOW - age, NOW)
    assert found == (Withheld(expected) if expected else None)


def test_types_that_nobody_knows_go_with_the_custom_events(shop: Shop, post: Post, sink: Sink) -> None:
    no_customs = post.connect(sink, send_custom_events=False)
    tomorrow = {"event_type": "teleported", "data": {}}
    shop.process(batch(custom_event("A"), tomorrow, {"event_type": "opt_out"}, SCREEN, customer="u-1"))

    assert post.reasons(no_customs) == {"waiting": {"": 2}, "withheld": {"type_off": 2}}
    post.deliver()
    assert [event["event_type"] for event in sink.events()] == ["opt_out", "screen_view"]


def test_each_connection_is_decided_and_counted_by_itself(
    shop: Shop, post: Post, sink: Sink, second_sink: Sink
) -> None:
    everything, no_screens = post.connect(sink), post.connect(second_sink, send_screen_views=False)
    shop.process(batch(custom_event("A"), SCREEN, custom_event("B"), SCREEN, customer="u-1"))

    assert post.reasons(everything) == {"waiting": {"": 4}}
    assert post.reasons(no_screens) == {"waiting": {"": 2}, "withheld": {"type_off": 2}}
    withheld = [event["withheld"] for event in shop.events()]
    assert sorted(map(str, withheld)) == sorted(map(str, [None, None, *[{str(no_screens.pk): "type_off"}] * 2]))
    post.deliver()
    assert len(sink.requests) == 4
    assert second_sink.names() == ["A", "B"]
    assert post.sums(no_screens) == {"delivered": 2, "withheld": 2}


def test_nothing_goes_where_the_output_is_off(shop: Shop, post: Post, sink: Sink) -> None:
    connection = post.connect(sink)
    Output.objects.filter(pk=connection.output_id).update(is_active_in_development=False)
    shop.process(
        batch(custom_event("P"), customer="u-1"), batch(custom_event("D"), customer="u-1", environment="development")
    )

    post.deliver()

    assert sink.names() == ["P"]
    assert post.sums(connection) == {"delivered": 1}


def test_a_connection_counts_from_the_moment_that_it_exists(shop: Shop, post: Post, sink: Sink) -> None:
    shop.process(batch(custom_event("before"), customer="u-1"))
    connection = post.connect(sink)
    shop.process(batch(custom_event("after"), customer="u-1"))

    post.deliver()

    assert sink.names() == ["after"]
    assert post.sums(connection) == {"delivered": 1}


def test_an_input_without_connections_leaves_the_outbox_empty(shop: Shop, post: Post) -> None:
    shop.process(batch(custom_event(), customer="u-1"))
    assert post.left() == {"outbox_chunk": 0, "outbox_delivery": 0, "delivery_exception": 0}
    assert shop.events()[0]["withheld"] is None


def test_duplicates_are_not_forwarded(shop: Shop, post: Post, sink: Sink) -> None:
    connection = post.connect(sink)
    body = batch(custom_event(source_message_id="m-1"), customer="u-1")
    shop.process(body, body)

    post.deliver()

    assert len(sink.requests) == 1
    assert post.sums(connection) == {"delivered": 1}


def test_historical_events_are_stored_and_not_sent(shop: Shop, post: Post, sink: Sink) -> None:
    """Reference EV 13."""
    connection = post.connect(sink)
    long_ago = int((datetime.now(UTC) - timedelta(hours=73)).timestamp() * 1000)
    old = batch(custom_event(timestamp_unixtime_ms=long_ago), customer="u-1")
    assert shop.post([old], "v2/bulkevents/historical") == 202
    shop.drain()

    post.deliver()

    assert len(shop.events()) == 1
    assert sink.requests == []
    assert post.reasons(connection) == {"withheld": {"historical": 1}}


def test_an_output_of_an_unknown_integration_gets_nothing_and_harms_nothing(shop: Shop, post: Post, sink: Sink) -> None:
    good = post.connect(sink)
    gone = factories.connection(shop.source, factories.output(shop.workspace, integration="no_more"))
    shop.process(batch(custom_event(), customer="u-1"))

    post.deliver()

    assert post.sums(good) == {"delivered": 1}
    assert post.reasons(gone) == {"withheld": {"unsupported": 1}}
