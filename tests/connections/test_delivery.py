"""A batch in, requests at the sink out: what is delivered, how often, and what stays behind."""

from datetime import timedelta

from connections.models import OutboxChunk, Output
from connections.outputs import save_settings
from tests.post import Post
from tests.shop import Shop, batch, custom_event
from tests.sink import Reply, Sink

EMPTY = {"outbox_chunk": 0, "outbox_delivery": 0, "delivery_exception": 0}


def test_every_event_arrives_once_and_nothing_stays_in_the_outbox(shop: Shop, post: Post, sink: Sink) -> None:
    connection = post.connect(sink)
    shop.process(*(batch(custom_event("A"), custom_event("B"), customer=f"u-{n}") for n in range(5)))
    assert post.sums(connection) == {"waiting": 10}

    post.deliver()

    assert sorted(sink.names()) == ["A"] * 5 + ["B"] * 5
    assert len({request.headers["webhook-id"] for request in sink.requests}) == 10
    assert post.sums(connection) == {"delivered": 10}
    assert post.left() == EMPTY
    assert post.attempts() == []


def test_a_second_delivery_finds_nothing(shop: Shop, post: Post, sink: Sink) -> None:
    post.connect(sink)
    shop.process(batch(custom_event(), customer="u-1"))

    post.deliver()
    post.deliver()

    assert len(sink.requests) == 1


def test_events_of_one_batch_travel_together(shop: Shop, post: Post, sink: Sink) -> None:
    connection = post.connect(sink, send="batch")
    shop.process(batch(*(custom_event(f"E{n}") for n in range(20)), customer="u-1"))

    post.deliver()

    (request,) = sink.requests
    assert sink.names() == [f"E{n}" for n in range(20)]
    assert request.json["unique_id"] == request.headers["webhook-id"]
    assert post.sums(connection) == {"delivered": 20}


def test_what_the_profile_knows_goes_along(shop: Shop, post: Post, sink: Sink) -> None:
    post.connect(sink)
    shop.process(
        batch(customer="u-1", user_attributes={"plan": "pro"}),
        batch(
            custom_event(),
            customer="u-1",
            user_identities={"email": "ann@example.com"},
            device_info={"platform": "iOS"},
        ),
    )

    post.deliver()

    (request,) = sink.requests
    body = request.json
    assert body["mpid"] == str(shop.profile()["mpid"])
    assert body["user_attributes"] == {"plan": "pro"}
    assert sorted(identity["identity"] for identity in body["user_identities"]) == ["ann@example.com", "u-1"]
    assert body["device_info"] == {"platform": "iOS"}
    assert body["environment"] == "production"


def test_batches_without_events_go_only_where_they_are_wanted(
    shop: Shop, post: Post, sink: Sink, second_sink: Sink
) -> None:
    without, wanted = post.connect(sink), post.connect(second_sink, send_batches_without_events=True)
    shop.process(batch(customer="u-1", user_attributes={"plan": "pro"}))

    post.deliver()

    assert sink.requests == []
    assert [request.json["events"] for request in second_sink.requests] == [[]]
    assert post.sums(without) == post.sums(wanted) == {}
    assert post.left() == EMPTY


def test_a_payload_is_stored_once_for_all_outputs(shop: Shop, post: Post, sink: Sink) -> None:
    connections = [post.connect(sink) for _ in range(5)]
    shop.process(batch(custom_event(), customer="u-1"))

    assert post.left() == {"outbox_chunk": 1, "outbox_delivery": 5, "delivery_exception": 0}
    post.deliver()

    assert len(sink.requests) == 5
    assert len({request.headers["webhook-id"] for request in sink.requests}) == 5
    assert [post.sums(connection) for connection in connections] == [{"delivered": 1}] * 5
    assert post.left() == EMPTY


def test_settings_are_read_when_sending(shop: Shop, post: Post, sink: Sink, second_sink: Sink) -> None:
    connection = post.connect(sink)
    shop.process(batch(custom_event(), customer="u-1"))
    save_settings(connection.output, {"url": second_sink.url, "send": "event"})

    post.deliver()

    assert sink.requests == []
    assert len(second_sink.requests) == 1


def test_the_queue_of_a_deleted_output_is_closed_and_counted(shop: Shop, post: Post, sink: Sink) -> None:
    connection = post.connect(sink)
    shop.process(batch(custom_event(), custom_event(), customer="u-1"))
    Output.objects.filter(pk=connection.output_id).delete()

    post.deliver()

    assert sink.requests == []
    assert post.reasons(connection) == {"withheld": {"output_deleted": 2}}
    assert post.left() == EMPTY | {"delivery_exception": 2}


def test_what_was_to_be_tried_again_is_closed_with_its_output(shop: Shop, post: Post, sink: Sink) -> None:
    connection = post.connect(sink)
    sink.script = lambda _: Reply(500)
    shop.process(batch(custom_event(), custom_event(), customer="u-1"))
    post.deliver()
    assert post.reasons(connection) == {"waiting": {"retrying": 1, "held": 1}}
    Output.objects.filter(pk=connection.output_id).delete()

    post.deliver(after=timedelta(seconds=5))

    assert len(sink.requests) == 1
    assert post.reasons(connection) == {"withheld": {"output_deleted": 2}}
    assert post.left() == EMPTY | {"delivery_exception": 2}


def test_a_payload_that_cannot_be_read_waits_and_stops_nothing_else(shop: Shop, post: Post, sink: Sink) -> None:
    connection = post.connect(sink)
    shop.process(batch(custom_event("lost"), customer="u-1"))
    OutboxChunk.objects.update(payload=b"no zstd")
    shop.process(batch(custom_event("fine"), customer="u-1"))

    post.deliver()

    assert sink.names() == ["fine"]
    assert post.sums(connection) == {"waiting": 1, "delivered": 1}


def test_an_output_that_was_switched_off_gets_nothing_more(shop: Shop, post: Post, sink: Sink) -> None:
    connection = post.connect(sink)
    shop.process(batch(custom_event(), customer="u-1"))
    Output.objects.filter(pk=connection.output_id).update(is_active_in_production=False)

    post.deliver()

    assert sink.requests == []
    assert post.reasons(connection) == {"withheld": {"output_off": 1}}


def test_a_connection_that_was_deleted_or_switched_off_gets_nothing_more(
    shop: Shop, post: Post, sink: Sink, second_sink: Sink
) -> None:
    off, deleted = post.connect(sink), post.connect(second_sink)
    deleted_id = deleted.pk
    shop.process(batch(custom_event(), customer="u-1"))
    type(off).objects.filter(pk=off.pk).update(is_active=False)
    deleted.delete()

    post.deliver()

    deleted.pk = deleted_id
    assert sink.requests == second_sink.requests == []
    assert post.reasons(off) == {"withheld": {"connection_off": 1}}
    assert post.reasons(deleted) == {"withheld": {"connection_deleted": 1}}
