"""What happens when the partner does not take it: tried again, held, refused, parked; in order for each person."""

import json
import time
from collections.abc import Callable
from datetime import timedelta

import pytest

from cdp_project.kernel import clock
from connections.deliver import Deliveries
from connections.models import DeliveryException, ItemState
from tests.post import Post
from tests.shop import Shop, batch, custom_event
from tests.sink import Misbehaviour, Received, Reply, Script, Sink

SOON, HOUR = timedelta(seconds=5), timedelta(hours=1)


def person_of(request: Received) -> str:
    (identity,) = request.json["user_identities"]
    return str(identity["identity"])


def failing_for(person: str, times: int, reply: Reply | Misbehaviour) -> Script:
    """A script: so many bad answers for one person, good ones otherwise."""
    left = [times]

    def script(request: Received) -> Reply | Misbehaviour:
        if person_of(request) == person and left[0]:
            left[0] -= 1
            return reply
        return Reply()

    return script


def turn_until(loop: Deliveries, condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 30
    while not condition():
        assert time.monotonic() < deadline, "it did not happen in time"
        if not loop.turn():
            loop.wait(0.01)


@pytest.mark.parametrize("reply", [Reply(500), Reply(503), Reply(429), Reply(408), Misbehaviour.RESET])
def test_it_is_tried_again_under_the_same_id(shop: Shop, post: Post, sink: Sink, reply: Reply | Misbehaviour) -> None:
    connection = post.connect(sink)
    sink.script = failing_for("u-1", 1, reply)
    shop.process(batch(custom_event(), customer="u-1"))

    post.deliver()
    assert post.reasons(connection) == {"waiting": {"retrying": 1}}
    post.deliver(after=SOON)

    first, second = sink.requests
    assert first.headers["webhook-id"] == second.headers["webhook-id"]
    assert post.sums(connection) == {"delivered": 1}
    assert post.left() == {"outbox_chunk": 0, "outbox_delivery": 0, "delivery_exception": 0}
    assert len(post.attempts()) == 1


def test_later_events_of_that_person_wait_and_nobody_elses(shop: Shop, post: Post, sink: Sink) -> None:
    connection = post.connect(sink)
    sink.script = failing_for("u-1", 1, Reply(500))
    shop.process(
        batch(custom_event("A1"), customer="u-1"),
        batch(custom_event("B1"), customer="u-2"),
        batch(custom_event("A2"), customer="u-1"),
        batch(custom_event("B2"), customer="u-2"),
    )

    post.deliver()
    assert sink.names()[1:] == ["B1", "B2"] or sorted(sink.names()) == ["A1", "B1", "B2"]
    assert post.reasons(connection) == {"waiting": {"retrying": 1, "held": 1}, "delivered": {"": 2}}

    shop.process(batch(custom_event("A3"), customer="u-1"))
    post.deliver()
    assert "A3" not in sink.names()
    assert post.reasons(connection) == {"waiting": {"retrying": 1, "held": 2}, "delivered": {"": 2}}

    post.deliver(after=SOON)
    assert [name for name in sink.names() if name.startswith("A")] == ["A1", "A1", "A2", "A3"]
    assert post.sums(connection) == {"delivered": 5}
    assert post.left()["delivery_exception"] == 0


def kill(loop: Deliveries) -> None:
    loop._sender.close()
    loop._database.drop()


@pytest.mark.parametrize("end", [kill, Deliveries.close])
def test_what_was_held_back_behind_something_delivered_outlives_the_loop(
    shop: Shop, post: Post, sink: Sink, end: Callable[[Deliveries], None]
) -> None:
    connection = post.connect(sink)
    sink.script = failing_for("u-1", 1, Reply(500))
    shop.process(batch(custom_event("A1"), customer="u-1"))
    post.deliver()
    post._now += SOON
    with clock.frozen(post._now):
        loop = Deliveries(draw=lambda: 1.0)
        turn_until(loop, lambda: not DeliveryException.objects.exists())
        # The person is free again, and only this loop's memory has not heard of it.
        shop.process(batch(custom_event("A2"), customer="u-1"))
        for lane in loop._lanes:
            lane.may_have_more = True
        turn_until(loop, lambda: bool(post.exceptions(ItemState.HELD)))
        end(loop)
    assert sink.names() == ["A1", "A1"]

    post.deliver(after=SOON)
    post.deliver(after=HOUR)

    assert sink.names() == ["A1", "A1", "A2"]
    assert post.sums(connection) == {"delivered": 2}
    assert post.left() == {"outbox_chunk": 0, "outbox_delivery": 0, "delivery_exception": 0}


def test_a_lane_in_which_nobody_has_a_time_any_more_goes_on(shop: Shop, post: Post, sink: Sink) -> None:
    post.connect(sink)
    sink.script = failing_for("u-1", 1, Reply(500))
    shop.process(batch(custom_event("A1"), customer="u-1"), batch(custom_event("A2"), customer="u-1"))
    post.deliver()
    DeliveryException.objects.filter(state=ItemState.RETRYING).update(state=ItemState.HELD, next_at=None)

    post.deliver()

    assert sink.names() == ["A1", "A1", "A2"]
    assert post.left() == {"outbox_chunk": 0, "outbox_delivery": 0, "delivery_exception": 0}


def test_it_is_not_tried_before_its_time(shop: Shop, post: Post, sink: Sink) -> None:
    post.connect(sink)
    sink.script = failing_for("u-1", 1, Reply(429, {"Retry-After": "600"}))
    shop.process(batch(custom_event(), customer="u-1"))

    post.deliver()
    post.deliver(after=timedelta(minutes=9))
    assert len(sink.requests) == 1

    post.deliver(after=timedelta(minutes=2))
    assert len(sink.requests) == 2


def test_a_refusal_is_final_and_releases_the_person(shop: Shop, post: Post, sink: Sink) -> None:
    connection = post.connect(sink)
    sink.script = failing_for("u-1", 1, Reply(400, body=b"no"))
    shop.process(batch(custom_event("A"), custom_event("B"), customer="u-1"))

    post.deliver()
    post.deliver(after=HOUR)

    assert sink.names() == ["A", "B"]
    assert post.reasons(connection) == {"failed": {"rejected": 1}, "delivered": {"": 1}}
    (row,) = post.exceptions(ItemState.FAILED)
    assert row.reason == "http_400"
    # What failed stays with its payload, so that it can be looked at and sent again.
    assert post.left() == {"outbox_chunk": 1, "outbox_delivery": 1, "delivery_exception": 1}


def test_a_redirect_is_not_followed(shop: Shop, post: Post, sink: Sink, second_sink: Sink) -> None:
    connection = post.connect(sink)
    sink.script = lambda _: Reply(302, {"Location": second_sink.url})
    shop.process(batch(custom_event(), customer="u-1"))

    post.deliver()

    assert second_sink.requests == []
    assert post.reasons(connection) == {"failed": {"rejected": 1}}


def test_after_72_hours_it_is_parked_and_the_person_goes_on(shop: Shop, post: Post, sink: Sink) -> None:
    connection = post.connect(sink)
    sink.script = lambda request: Reply(500) if request.json["events"][0]["data"]["event_name"] == "A" else Reply()
    shop.process(batch(custom_event("A"), custom_event("B"), customer="u-1"))

    for _ in range(9):
        post.deliver(after=10 * HOUR)

    assert post.reasons(connection) == {"failed": {"parked": 1}, "delivered": {"": 1}}
    (row,) = post.exceptions(ItemState.PARKED)
    assert row.next_at is None
    requests_so_far = len(sink.requests)
    post.deliver(after=10 * HOUR)
    assert len(sink.requests) == requests_so_far


def test_a_batch_is_retried_whole_and_counts_its_events(shop: Shop, post: Post, sink: Sink) -> None:
    connection = post.connect(sink, send="batch")
    sink.script = failing_for("u-1", 1, Reply(500))
    shop.process(batch(*(custom_event(f"E{n}") for n in range(7)), customer="u-1"))

    post.deliver()
    assert post.reasons(connection) == {"waiting": {"retrying": 7}}
    post.deliver(after=SOON)

    first, second = sink.requests
    assert first.body == second.body
    assert post.sums(connection) == {"delivered": 7}


def test_retries_survive_a_change_of_how_events_are_put_together(shop: Shop, post: Post, sink: Sink) -> None:
    connection = post.connect(sink, send="batch")
    sink.script = failing_for("u-1", 2, Reply(500))
    shop.process(batch(*(custom_event(f"E{n}") for n in range(3)), customer="u-1"))
    post.deliver()

    connection.output.settings["send"] = "event"
    connection.output.save()
    post.deliver(after=SOON)
    assert post.reasons(connection) == {"waiting": {"retrying": 1, "held": 2}}
    post.deliver(after=SOON)

    assert sink.names()[3:] == ["E0", "E0", "E1", "E2"]
    assert post.sums(connection) == {"delivered": 3}
    assert post.left()["delivery_exception"] == 0


def test_the_log_of_attempts_shows_no_secret_and_nobody(shop: Shop, post: Post, sink: Sink) -> None:
    post.connect(sink, authorization="Bearer canary-secret")
    sink.script = lambda request: Reply(
        400, body=f"bad {request.headers['authorization']} canary-secret u-canary ann@example.com".encode()
    )
    shop.process(batch(custom_event(), customer="u-canary"))

    post.deliver()

    (attempt,) = post.attempts()
    assert attempt.status == 400
    assert attempt.error == "http_400"
    assert "canary" not in attempt.answer_sample
    assert "ann@example.com" not in attempt.answer_sample
    assert attempt.answer_sample.startswith("bad [hidden]")


def test_nothing_that_was_sent_is_in_what_a_partner_repeats(shop: Shop, post: Post, sink: Sink) -> None:
    post.connect(sink, include_ip=True)
    told = ("52.123456", "13.654321", "TX-canary", "Canary soap", "987.25", "CanaryAgent/1", "Canary Street")
    sink.script = lambda request: Reply(400, body=f"purchase by cx7 ({request.json['mpid']}): {told}".encode())
    place = {"latitude": 52.123456, "longitude": 13.654321}
    action = {
        "action": "purchase",
        "transaction_id": "TX-canary",
        "products": [{"name": "Canary soap", "price": 987.25}],
    }
    event = {"event_type": "commerce_event", "data": {"location": place, "product_action": action}}
    consent = {"gdpr": {"ads": {"consented": True, "timestamp_unixtime_ms": 1, "location": "Canary Street"}}}
    device = {"http_header_user_agent": "CanaryAgent/1"}
    shop.process(batch(event, customer="cx7", device_info=device, consent_state=consent))

    post.deliver()

    (attempt,) = post.attempts()
    hidden = ", ".join(["'[hidden]'"] * len(told))
    assert attempt.answer_sample == f"purchase by [hidden] ([hidden]): ({hidden})"


def test_a_partner_that_repeats_what_it_got_leaves_nobody_in_the_log(shop: Shop, post: Post, sink: Sink) -> None:
    post.connect(sink, include_ip=True)
    kept = ("user_attributes", "ip", "events")
    sink.script = lambda request: Reply(400, body=json.dumps([request.json[name] for name in kept]).encode())
    event = custom_event(custom_attributes={"street": "Canary Lane 5", "codes": ["canary-code"]})
    person = {"first_name": "Zoë Canary", "phone_2": "+41791234567"}
    shop.process(batch(event, customer="u-canary", user_attributes=person, ip="203.0.113.77"))

    post.deliver()

    (attempt,) = post.attempts()
    assert attempt.answer_sample.count("[hidden]") >= 5
    for told in ("anary", "Zo", "791234567", "203.0.113.77"):
        assert told not in attempt.answer_sample


def test_what_was_held_back_has_72_hours_of_its_own(shop: Shop, post: Post, sink: Sink) -> None:
    connection = post.connect(sink)
    sink.script = lambda _: Reply(500)
    shop.process(batch(custom_event("First"), customer="u-1"), batch(custom_event("Second"), customer="u-1"))
    post.deliver()
    assert post.reasons(connection) == {"waiting": {"retrying": 1, "held": 1}}

    post.deliver(after=73 * HOUR)
    assert post.reasons(connection) == {"failed": {"parked": 1}, "waiting": {"retrying": 1}}
    post.deliver(after=71 * HOUR)
    assert post.reasons(connection) == {"failed": {"parked": 1}, "waiting": {"retrying": 1}}
    post.deliver(after=2 * HOUR)
    assert post.reasons(connection) == {"failed": {"parked": 2}}
