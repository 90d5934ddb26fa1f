"""Batches gathered for an output: nothing lost, nothing doubled, in order, and the same at every try."""

import contextlib
import random
from datetime import timedelta
from typing import Any

import pytest

from cdp_project.kernel import failpoints
from cdp_project.kernel.database import connect
from cdp_project.kernel.wake import waker
from connections import gather, gathering, tasks, waiting
from connections.gathering import SMALL_ROWS_LEAST
from connections.models import Connection, OutboxDelivery
from connections.outputs import save_settings
from connections.waiting import Line, lines, lock_rows
from tests.post import Post
from tests.shop import Row, Shop, batch, custom_event
from tests.sink import Received, Reply, Sink

EMPTY = {"outbox_chunk": 0, "outbox_delivery": 0, "delivery_exception": 0}
MINUTE, TEN_MINUTES = timedelta(minutes=1), timedelta(minutes=10)
SOON = timedelta(seconds=5)


@pytest.fixture
def made(post: Post, sink: Sink) -> Connection:
    """A connection to an output that gathers for ten minutes."""
    return post.connect(sink, send="batch", gather="ten_minutes")


def upload(shop: Shop, post: Post, *batches: Row) -> None:
    """Batches that come now, by the clock of the deliveries."""
    with post.at_this_time():
        shop.process(*batches)


def names(request: Received) -> list[str]:
    return [event["data"].get("event_name", "") for event in request.json["events"]]


def seen(sink: Sink) -> list[list[str]]:
    return [names(request) for request in sink.requests]


def test_nothing_goes_before_its_time_and_then_each_person_gets_one_batch(
    shop: Shop, post: Post, sink: Sink, made: Connection
) -> None:
    upload(shop, post, *(batch(custom_event(f"{number}"), customer=f"u-{number % 2}") for number in range(6)))
    assert post.gather(after=9 * MINUTE) == 0
    post.deliver()
    assert sink.requests == []
    assert post.sums(made) == {"waiting": 6}

    assert post.gather(after=MINUTE + SOON) == 6
    assert post.sums(made) == {"waiting": 6}
    post.deliver()

    assert sorted(seen(sink)) == [["0", "2", "4"], ["1", "3", "5"]]
    assert post.sums(made) == {"delivered": 6}
    assert post.left() == EMPTY
    assert post.gather(after=TEN_MINUTES) == 0


def test_what_is_not_complete_goes_on_waiting(shop: Shop, post: Post, sink: Sink, made: Connection) -> None:
    upload(shop, post, batch(custom_event("early"), customer="u-1", user_attributes={"visits": 1}))
    post.gather(after=6 * MINUTE)
    together = [batch(custom_event("late"), customer="u-2"), batch(custom_event("also"), customer="u-1")]
    upload(shop, post, *together)

    assert post.gather(after=4 * MINUTE + SOON) == 2
    post.deliver()
    assert seen(sink) == [["early", "also"]]
    assert sink.requests[0].json["user_attributes"] == {"visits": 1}
    assert post.sums(made) == {"waiting": 1, "delivered": 2}

    assert post.gather(after=6 * MINUTE) == 1
    post.deliver()
    assert seen(sink)[1:] == [["late"]]
    assert post.left() == EMPTY


def test_a_session_goes_as_a_whole_when_it_has_ended(shop: Shop, post: Post, sink: Sink) -> None:
    made = post.connect(sink, send="batch", gather="session")
    upload(shop, post, batch(custom_event("one", session_uuid="s-1"), customer="u-1"))
    upload(shop, post, batch(custom_event("other", session_uuid="s-2"), customer="u-1"))
    assert post.gather(after=20 * MINUTE) == 0

    ending = {"event_type": "session_end", "data": {"session_uuid": "s-1", "session_duration_ms": 1000}}
    upload(shop, post, batch(custom_event("two", session_uuid="s-1"), ending, customer="u-1"))
    assert post.gather() == 3
    post.deliver()

    (request,) = sink.requests
    assert [event["event_type"] for event in request.json["events"]] == ["custom_event", "custom_event", "session_end"]
    assert post.sums(made) == {"waiting": 1, "delivered": 3}
    assert post.gather(after=10 * MINUTE) == 1
    post.deliver()
    assert seen(sink)[1:] == [["other"]]
    assert post.left() == EMPTY


def test_another_output_gets_the_same_at_once(
    shop: Shop, post: Post, sink: Sink, second_sink: Sink, made: Connection
) -> None:
    at_once = post.connect(second_sink)
    upload(shop, post, batch(custom_event("a"), custom_event("b"), customer="u-1"))
    post.deliver()

    assert seen(second_sink) == [["a"], ["b"]]
    assert sink.requests == []
    assert (post.sums(at_once), post.sums(made)) == ({"delivered": 2}, {"waiting": 2})
    assert post.left() == {"outbox_chunk": 1, "outbox_delivery": 1, "delivery_exception": 0}

    post.gather(after=TEN_MINUTES + SOON)
    post.deliver()
    assert seen(sink) == [["a", "b"]]
    assert len(second_sink.requests) == 2
    assert post.left() == EMPTY


def test_a_repeat_is_the_same_request_also_when_more_has_come(
    shop: Shop, post: Post, sink: Sink, made: Connection
) -> None:
    sink.script = lambda _: Reply(503 if len(sink.requests) < 3 else 200)
    upload(shop, post, *(batch(custom_event(name), customer="u-1") for name in "ab"))
    post.gather(after=TEN_MINUTES + SOON)
    post.deliver()
    upload(shop, post, batch(custom_event("c"), customer="u-1"))
    post.gather(after=TEN_MINUTES + SOON)
    post.deliver()
    post.deliver(after=timedelta(hours=1))

    first, *repeats, last = sink.requests
    assert {(each.headers["webhook-id"], each.body) for each in repeats} == {(first.headers["webhook-id"], first.body)}
    assert (names(first), names(last)) == (["a", "b"], ["c"])
    assert post.sums(made) == {"delivered": 3}


def test_a_run_that_dies_leaves_everything_as_it_was(
    shop: Shop, post: Post, sink: Sink, made: Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    upload(shop, post, *(batch(custom_event(name), customer="u-1") for name in "ab"))
    before = list(OutboxDelivery.objects.values())
    with monkeypatch.context() as patch:
        patch.setattr(failpoints, "_failures", failpoints._parse("gather.before_commit=error"))
        with pytest.raises(failpoints.InjectedFailure):
            post.gather(after=TEN_MINUTES + SOON)
    assert list(OutboxDelivery.objects.values()) == before
    assert post.sums(made) == {"waiting": 2}

    assert post.gather() == 2
    post.deliver()
    assert seen(sink) == [["a", "b"]]


def test_two_runs_at_once_take_it_once(shop: Shop, post: Post, sink: Sink, made: Connection) -> None:
    upload(shop, post, *(batch(custom_event(name), customer="u-1") for name in "ab"))
    with connect() as other:
        bucket = OutboxDelivery.objects.values_list("bucket", flat=True)[0]
        (line,) = lines(other, bucket)
        assert lock_rows(other, line)[0]
        assert post.gather(after=TEN_MINUTES + SOON) == 0
        other.rollback()
    assert post.gather() == 2
    post.deliver()
    assert seen(sink) == [["a", "b"]]


def test_a_line_that_another_run_has_emptied_is_left_alone(
    shop: Shop, post: Post, sink: Sink, made: Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    upload(shop, post, batch(custom_event("a"), customer="u-1"))
    bucket = OutboxDelivery.objects.values_list("bucket", flat=True)[0]
    with connect(autocommit=True) as own:
        found = lines(own, bucket)
    assert post.gather(after=TEN_MINUTES + SOON) == 1
    monkeypatch.setattr(gather, "lines", lambda *_: found)
    assert post.gather() == 0
    post.deliver()
    assert seen(sink) == [["a"]]


def test_when_the_output_is_to_get_it_at_once_what_waits_goes(
    shop: Shop, post: Post, sink: Sink, made: Connection
) -> None:
    upload(shop, post, *(batch(custom_event(name), customer="u-1") for name in "ab"))
    save_settings(made.output, {"url": sink.url, "send": "batch"})
    assert post.gather() == 2
    upload(shop, post, batch(custom_event("c"), customer="u-1"))
    post.deliver()

    assert seen(sink) == [["a"], ["b"], ["c"]]
    assert post.sums(made) == {"delivered": 3}


def test_what_waited_goes_before_what_comes_once_it_is_sent_at_once(
    shop: Shop, post: Post, sink: Sink, made: Connection
) -> None:
    """Also before the next look at what is gathered."""
    upload(shop, post, *(batch(custom_event(name), customer="u-1") for name in "ab"))
    save_settings(made.output, {"url": sink.url, "send": "batch"})
    upload(shop, post, batch(custom_event("c"), customer="u-1"))
    post.deliver()

    assert seen(sink) == [["a"], ["b"], ["c"]]
    assert post.sums(made) == {"delivered": 3}
    assert post.left() == EMPTY


def test_much_that_waits_in_small_pieces_is_kept_as_one(
    shop: Shop, post: Post, sink: Sink, second_sink: Sink, made: Connection
) -> None:
    at_once = post.connect(second_sink, send="batch")
    for number in range(SMALL_ROWS_LEAST):
        upload(shop, post, batch(custom_event(f"{number}"), custom_event("and"), customer="u-1", device="d"))
    assert post.gather() == 0

    rows = OutboxDelivery.objects.filter(output_id=made.output_id)
    assert [(row.item_count, row.is_gathering, row.is_open) for row in rows] == [(2 * SMALL_ROWS_LEAST, True, False)]
    assert post.sums(made) == {"waiting": 2 * SMALL_ROWS_LEAST}
    kept = rows.get().chunk_id
    assert post.gather() == 0
    assert rows.get().chunk_id == kept

    assert post.gather(after=TEN_MINUTES + SOON) == 2 * SMALL_ROWS_LEAST
    post.deliver()
    assert seen(sink) == [[name for number in range(SMALL_ROWS_LEAST) for name in (f"{number}", "and")]]
    assert len(second_sink.requests) == SMALL_ROWS_LEAST
    assert post.sums(made) == post.sums(at_once) == {"delivered": 2 * SMALL_ROWS_LEAST}
    assert post.left() == EMPTY


@pytest.mark.parametrize("what", ["output", "connection"])
def test_what_waits_for_something_deleted_is_withheld(
    shop: Shop, post: Post, sink: Sink, made: Connection, what: str
) -> None:
    upload(shop, post, batch(custom_event(), customer="u-1"))
    key = made.pk
    (made.output if what == "output" else made).delete()
    assert post.gather() == 1
    post.deliver()

    made.pk = key
    assert sink.requests == []
    assert post.reasons(made) == {"withheld": {f"{what}_deleted": 1}}


def test_what_is_too_much_to_wait_for_goes_in_smaller_batches(
    shop: Shop, post: Post, sink: Sink, made: Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(waiting, "ITEMS_MOST", 3)
    for number in range(10):
        upload(shop, post, batch(custom_event(f"{number}"), customer="u-1"))
    # The last few are not too much any more.
    assert post.gather() >= 7
    post.gather(after=TEN_MINUTES + SOON)
    post.deliver()

    assert [name for found in seen(sink) for name in found] == [f"{number}" for number in range(10)]
    assert len(sink.requests) > 1
    assert post.sums(made) == {"delivered": 10}


def test_what_cannot_be_read_keeps_nobody_else_waiting(shop: Shop, post: Post, sink: Sink, made: Connection) -> None:
    upload(shop, post, batch(custom_event("lost"), customer="u-1"))
    with connect(autocommit=True) as own:
        own.execute("UPDATE outbox_chunk SET payload = 'broken'::bytea")
    upload(shop, post, batch(custom_event("fine"), customer="u-2"))
    assert post.gather(after=TEN_MINUTES + SOON) == 1
    post.deliver()

    assert seen(sink) == [["fine"]]
    assert post.sums(made) == {"waiting": 1, "delivered": 1}


def test_a_line_that_cannot_be_gathered_keeps_no_other_waiting(
    shop: Shop, post: Post, sink: Sink, made: Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    other = post.connect(sink, send="batch", gather="ten_minutes")
    upload(shop, post, batch(custom_event("a"), customer="u-1"))

    def faulty(connection: Any, line: Line, *rest: Any) -> None:
        if line.connection_id == made.pk:
            raise ValueError("a fault")
        take_out(connection, line, *rest)

    take_out = gather._take_out
    with monkeypatch.context() as patch:
        patch.setattr(gather, "_take_out", faulty)
        assert post.gather(after=TEN_MINUTES + SOON) == 1
    post.deliver()
    assert (post.sums(made), post.sums(other)) == ({"waiting": 1}, {"delivered": 1})

    assert post.gather() == 1
    post.deliver()
    assert post.sums(made) == {"delivered": 1}


@pytest.mark.parametrize("how", ["ten_minutes", "session"])
@pytest.mark.parametrize("seed", range(3))
def test_everything_arrives_once_and_in_order_whatever_happens(
    shop: Shop, post: Post, sink: Sink, monkeypatch: pytest.MonkeyPatch, how: str, seed: int
) -> None:
    chance = random.Random(seed)
    monkeypatch.setattr(gathering, "SMALL_ROWS_LEAST", 3)
    made = post.connect(sink, send="batch", gather=how)
    people, stored = [f"u-{number}" for number in range(4)], 0
    for wave in range(12):
        chosen = chance.sample(people, 2)
        upload(shop, post, *(batch(*(custom_event(f"{wave}-{n}") for n in range(3)), customer=who) for who in chosen))
        stored += 6
        with monkeypatch.context() as patch:
            patch.setattr(failpoints, "_failures", failpoints._parse(f"gather.before_commit=error:{wave % 2 * 0.5}"))
            patch.setattr(random, "random", chance.random)
            with contextlib.suppress(failpoints.InjectedFailure):
                post.gather(after=chance.choice([MINUTE, 4 * MINUTE]))
        post.deliver()
        assert sum(post.sums(made).values()) == stored
        assert post.sums(made).get("delivered", 0) == sum(map(len, seen(sink)))
    post.gather(after=timedelta(hours=1))
    post.deliver()

    for who in people:
        taken = [n for each in sink.requests if each.json["user_identities"][0]["identity"] == who for n in names(each)]
        assert taken == sorted(taken, key=lambda name: tuple(map(int, name.split("-"))))
        assert len(taken) == len(set(taken))
    assert post.sums(made) == {"delivered": stored}
    assert post.left() == EMPTY


def test_the_chore_opens_what_is_complete(
    shop: Shop, post: Post, sink: Sink, made: Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    hints: list[str] = []
    upload(shop, post, batch(custom_event(), customer="u-1"))
    monkeypatch.setattr(waker, "hint", hints.append)
    tasks.open_gathered()
    assert hints == []
    save_settings(made.output, {"url": sink.url, "send": "batch"})
    hints.clear()
    tasks.open_gathered()
    assert hints == ["deliveries"]
    post.deliver()
    assert post.sums(made) == {"delivered": 1}
