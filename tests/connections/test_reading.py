"""Reading back over HTTP what became of events: journeys, deliveries, alerts, verdicts."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any
from uuid import uuid4

import pytest
from django.db import connection as database
from django.test import Client

from cdp_project.kernel import clock, rollups
from cdp_project.kernel.database import connect
from cdp_project.workspaces import configuration
from cdp_project.workspaces.models import Role
from connections import alerts, verdicts
from connections.models import Connection
from events.models import StoredEvent
from events.reasons import REASONS
from tests import factories
from tests.identity.test_api import token_of
from tests.post import Post
from tests.shop import Shop, batch, custom_event
from tests.sink import Reply, Sink

Answer = tuple[int, dict[str, Any]]
Ask = Callable[..., Answer]
SOON, LONG = timedelta(seconds=5), timedelta(hours=80)


@pytest.fixture
def ask(shop: Shop, client: Client) -> Ask:
    """GET below the workspace with a token of the lowest role."""
    token = token_of(shop.workspace, Role.VIEWER)

    def ask(path: str, **query: str) -> Answer:
        address = f"/api/v1/workspaces/{shop.workspace.pk}/{path}"
        answer = client.get(address, query, headers={"authorization": f"Bearer {token}"})
        return answer.status_code, answer.json()

    return ask


@pytest.fixture
def journey(shop: Shop, ask: Ask) -> Callable[..., dict[int, dict[str, Any]]]:
    """Stops of an event by connection."""

    def journey(name: str = "Viewed") -> dict[int, dict[str, Any]]:
        (event_id,) = (event["event_id"] for event in shop.events() if event["name"] == name)
        status, answer = ask(f"events/{event_id}")
        assert status == 200
        assert answer["name"] == name
        return {stop["connection_id"]: stop for stop in answer["journey"]}

    return journey


Journey = Callable[..., dict[int, dict[str, Any]]]


def test_a_journey_goes_from_waiting_to_delivered(shop: Shop, post: Post, sink: Sink, journey: Journey) -> None:
    connection = post.connect(sink)
    shop.process(batch(custom_event(), customer="u-1"))
    (stop,) = journey().values()
    assert (stop["state"], stop["item_state"], stop["reason"]) == ("waiting", "", "queued")
    assert stop["sentence"].startswith("It waits for its turn")

    post.deliver()

    stop = journey()[connection.pk]
    assert (stop["state"], stop["output_id"], stop["next_at"]) == ("delivered", connection.output_id, None)
    assert stop["reason"] == stop["sentence"] == ""


def test_a_journey_shows_every_connection_by_itself(
    shop: Shop, post: Post, sink: Sink, second_sink: Sink, journey: Journey
) -> None:
    good, bad, off = post.connect(sink), post.connect(second_sink), post.connect(sink)
    Connection.objects.filter(pk=off.pk).update(is_active=False)
    configuration.changed(shop.workspace)
    second_sink.script = lambda _: Reply(503, body=b"busy since 1999 for ann@example.com")
    shop.process(batch(custom_event(), customer="u-1"))
    shop.process(batch(custom_event("Later"), customer="u-1"))
    post.deliver()

    stops = journey()
    assert {each: stop["state"] for each, stop in stops.items()} == {
        good.pk: "delivered",
        bad.pk: "waiting",
        off.pk: "withheld",
    }
    assert (stops[off.pk]["reason"], stops[off.pk]["sentence"]) == ("connection_off", "The connection was off.")
    failing = stops[bad.pk]
    assert (failing["item_state"], failing["reason"], failing["attempts"]) == ("retrying", "http_503", 1)
    assert failing["sentence"] == "503 Service Unavailable"
    assert failing["next_at"] > failing["last_at"]
    (tried,) = failing["tries"]
    assert (tried["status"], tried["error"], tried["label"]) == (503, "http_503", "503 Service Unavailable")
    assert tried["answer_sample"] == "busy since 1999 for [hidden]"
    assert failing["first_failed_at"]
    held = journey("Later")[bad.pk]
    assert (held["item_state"], held["attempts"], held["first_failed_at"]) == ("held", 0, None)


def test_a_journey_tells_what_was_given_up(shop: Shop, post: Post, sink: Sink, journey: Journey) -> None:
    connection = post.connect(sink)
    sink.script = lambda request: Reply(400 if request.json["user_identities"][0]["identity"] == "u-1" else 500)
    shop.process(batch(custom_event("Refused"), customer="u-1"), batch(custom_event("Parked"), customer="u-2"))
    post.deliver()
    post.deliver(after=LONG)

    refused, parked = journey("Refused")[connection.pk], journey("Parked")[connection.pk]
    assert (refused["state"], refused["item_state"], refused["reason"]) == ("failed", "failed", "http_400")
    assert (parked["state"], parked["item_state"], parked["attempts"]) == ("failed", "parked", 2)
    assert parked["sentence"].startswith("Tried for 72 hours")
    assert [each["status"] for each in parked["tries"]] == [500, 500]


def test_a_journey_of_what_is_gathered_waits(shop: Shop, post: Post, sink: Sink, journey: Journey) -> None:
    connection = post.connect(sink, send="batch", gather="ten_minutes")
    with post.at_this_time():
        shop.process(*(batch(custom_event(name), customer="u-1") for name in ("First", "Second")))

    for taken, state, reason in ((0, "waiting", "gathering"), (2, "waiting", "queued"), (0, "delivered", "")):
        if state == "delivered":
            post.deliver()
        assert post.gather(after=timedelta(minutes=6)) == taken
        stops = [journey(name)[connection.pk] for name in ("First", "Second")]
        assert {(stop["state"], stop["reason"]) for stop in stops} == {(state, reason)}
        assert {stop["sentence"] for stop in stops} == {REASONS[reason] if reason else ""}


def test_withheld_after_forwarding_is_told_as_that(
    shop: Shop, post: Post, sink: Sink, journey: Journey, ask: Ask
) -> None:
    connection = post.connect(sink)
    shop.process(batch(custom_event(), customer="u-1"))
    Connection.objects.filter(pk=connection.pk).update(is_active=False)
    configuration.changed(shop.workspace)
    post.deliver()

    stop = journey()[connection.pk]
    assert (stop["state"], stop["item_state"], stop["reason"]) == ("withheld", "withheld", "connection_off")
    (listed,) = ask("deliveries")[1]["results"]
    assert stop["first_failed_at"] is listed["first_failed_at"] is None
    assert stop["last_at"] == listed["last_at"] is not None


def test_a_journey_outlives_its_connection(shop: Shop, post: Post, sink: Sink, journey: Journey) -> None:
    connection = post.connect(sink)
    shop.process(batch(custom_event(), customer="u-1"))
    gone = connection.pk
    connection.delete()
    configuration.changed(shop.workspace)
    post.deliver()

    stop = journey()[gone]
    assert (stop["state"], stop["reason"]) == ("withheld", "connection_deleted")


def test_foreign_and_unknown_events_are_not_there(shop: Shop, ask: Ask) -> None:
    other = Shop(factories.feed(factories.workspace()))
    other.process(batch(custom_event(), customer="u-1"))
    other.runner.close()
    (foreign,) = other.events()

    for event_id in (foreign["event_id"], uuid4(), "00000000-0000-0000-0000-000000000000", "f" * 32):
        assert ask(f"events/{event_id}")[0] == 404
    assert ask("events/nonsense")[1]["code"] == "bad_parameter"
    shop.process(batch(custom_event(), customer="u-1", environment="development"))
    (own,) = shop.events()
    assert ask(f"events/{own['event_id']}")[0] == 404
    assert ask(f"events/{own['event_id']}", environment="development")[0] == 200


def fail_some(shop: Shop, post: Post, sink: Sink, count: int = 5) -> Connection:
    """So many people whose only event is being tried again."""
    connection = post.connect(sink)
    sink.script = lambda _: Reply(503)
    shop.process(*(batch(custom_event(f"E{number}"), customer=f"u-{number}") for number in range(count)))
    post.deliver()
    return connection


def test_deliveries_are_listed_page_by_page(shop: Shop, post: Post, sink: Sink, ask: Ask) -> None:
    connection = fail_some(shop, post, sink)
    seen: list[dict[str, Any]] = []
    query: dict[str, str] = {}
    while "cursor" not in query or query["cursor"]:
        status, answer = ask("deliveries", limit="2", **query)
        assert status == 200
        seen += answer["results"]
        query = {"cursor": answer["next"]}

    assert {each["event_id"] for each in seen} == {str(event["event_id"]) for event in shop.events()}
    assert len(seen) == 5
    assert [each["last_at"] for each in seen] == sorted((each["last_at"] for each in seen), reverse=True)
    assert {(each["state"], each["reason"], each["attempts"]) for each in seen} == {("retrying", "http_503", 1)}
    assert {each["connection_id"] for each in seen} == {connection.pk}


def test_deliveries_are_narrowed(shop: Shop, post: Post, sink: Sink, ask: Ask) -> None:
    connection = fail_some(shop, post, sink, count=2)
    event = shop.events()[0]

    def count(**query: str) -> int:
        status, answer = ask("deliveries", **query)
        assert status == 200
        return len(answer["results"])

    assert count(connection_id=str(connection.pk)) == count(output_id=str(connection.output_id)) == 2
    assert count(state="retrying") == count(reason="http_503") == 2
    assert count(event_id=str(event["event_id"])) == count(mpid=str(event["mpid"])) == 1
    assert count(reason="retrying") == count(reason="retrying", state="retrying") == 2
    assert count(reason="rejected") == count(reason="retrying", state="failed") == 0
    other = factories.output(shop.workspace, url="https://a.example/")
    assert count(output_id=str(other.pk)) == count(connection_id=str(connection.pk), output_id=str(other.pk)) == 0
    assert count(state="parked") == count(reason="timeout") == count(mpid="1") == count(event_id=str(uuid4())) == 0
    assert count(environment="development") == 0


@pytest.mark.parametrize(
    ("path", "query"),
    [
        ("deliveries", {"state": "lost"}),
        ("deliveries", {"reason": "x" * 101}),
        ("deliveries", {"reason": "rejcted"}),
        ("deliveries", {"connection_id": "1"}),
        ("deliveries", {"output_id": "1"}),
        ("alerts", {"connection_id": "1"}),
        ("verdicts", {"output_id": "1"}),
        ("deliveries", {"event_id": "x"}),
        ("deliveries", {"mpid": "x"}),
        ("deliveries", {"connection_id": "-1"}),
        ("deliveries", {"connection_id": "9" * 19}),
        ("deliveries", {"cursor": "x"}),
        ("alerts", {"from": "yesterday"}),
        ("alerts", {"from": "2026-01-02T00:00Z", "to": "2026-01-01T00:00Z"}),
        ("alerts", {"from": "2026-01-01T00:00Z", "to": "2026-02-01T00:00Z"}),
        ("alerts", {"to": "0001-01-01T00:00Z"}),
        ("alerts", {"to": "0001-01-01T00:00+10:00"}),
        ("alerts", {"level": "bad"}),
        ("alerts", {"status": "x"}),
        ("verdicts", {"by": "day"}),
        ("verdicts", {"from": "2026-01-01T00:00Z"}),
        ("verdicts", {"cursor": "x"}),
    ],
)
def test_a_parameter_that_cannot_be_used_is_refused(ask: Ask, path: str, query: dict[str, str]) -> None:
    status, problem = ask(path, **query)

    assert (status, problem["code"]) == (400, "bad_parameter")


def compact() -> None:
    with connect(autocommit=True) as own:
        for rollup in (verdicts.ROLLUP, alerts.ROLLUP):
            rollups.compact(own, rollup, clock.now() + timedelta(hours=5))


def test_alerts_are_counted_by_hour_and_code_with_a_sample(shop: Shop, post: Post, sink: Sink, ask: Ask) -> None:
    connection = fail_some(shop, post, sink, count=3)
    before = ask("alerts")
    compact()

    (alert,) = ask("alerts")[1]["results"]
    assert before == ask("alerts")
    assert (alert["level"], alert["code"], alert["label"]) == ("warning", "http_503", "503 Service Unavailable")
    assert (alert["count"], alert["connection_id"]) == (3, connection.pk)
    assert (alert["sample"]["status"], alert["sample"]["error"]) == (503, "http_503")
    assert ask("alerts", level="fatal")[1]["results"] == []
    other = factories.output(shop.workspace, url="https://a.example/")
    assert ask("alerts", output_id=str(other.pk))[1]["results"] == []
    assert ask("alerts", **{"from": "2020-01-01T00:00Z", "to": "2020-01-01T05:00Z"})[1]["results"] == []


def test_alerts_come_newest_hour_and_worst_level_first(shop: Shop, post: Post, sink: Sink, ask: Ask) -> None:
    fail_some(shop, post, sink, count=2)
    post.deliver(after=LONG)
    later = clock.now() + LONG + timedelta(hours=1)
    hours = {"from": (later - timedelta(days=7)).isoformat(), "to": later.isoformat()}
    seen: list[dict[str, Any]] = []
    query: dict[str, str] = {}
    while "cursor" not in query or query["cursor"]:
        _, answer = ask("alerts", limit="1", **hours, **query)
        seen += answer["results"]
        query = {"cursor": answer["next"]}

    assert [(each["level"], each["code"], each["count"]) for each in seen] == [
        ("fatal", "retries_exhausted", 2),
        ("warning", "http_503", 2),
        ("warning", "http_503", 2),
    ]
    assert seen[0]["label"] == "Retry Count Exceeded"
    assert seen[0]["sample"]["status"] == 503
    assert seen[0]["hour"] == seen[1]["hour"] > seen[2]["hour"]


def test_verdicts_add_up_to_what_was_stored(shop: Shop, post: Post, sink: Sink, second_sink: Sink, ask: Ask) -> None:
    good, bad = post.connect(sink), post.connect(second_sink)
    second_sink.script = lambda request: Reply(400 if request.json["events"][0]["data"]["event_name"] == "E0" else 500)
    shop.process(*(batch(custom_event(f"E{number}"), customer=f"u-{number}") for number in range(4)))
    post.deliver()
    before = ask("verdicts")
    compact()

    first, second = ask("verdicts")[1]["results"]
    assert before == ask("verdicts")
    assert first["connection_id"] == good.pk
    assert first["sums"] == {"waiting": 0, "delivered": 4, "withheld": 0, "failed": 0, "stored": 4}
    assert second["connection_id"] == bad.pk
    assert second["sums"] == {"waiting": 3, "delivered": 0, "withheld": 0, "failed": 1, "stored": 4}
    assert first["reasons"] == {"waiting": {}, "delivered": {"": 4}, "withheld": {}, "failed": {}}
    assert second["reasons"] == {
        "waiting": {"retrying": 3},
        "delivered": {},
        "withheld": {},
        "failed": {"rejected": 1},
    }
    assert ask("verdicts", connection_id=str(bad.pk))[1]["results"] == [second]
    idle = post.connect(sink)
    (nothing,) = ask("verdicts", connection_id=str(idle.pk))[1]["results"]
    assert nothing["reasons"] == {"waiting": {}, "delivered": {}, "withheld": {}, "failed": {}}


def test_verdicts_by_hour_and_page(shop: Shop, post: Post, sink: Sink, ask: Ask) -> None:
    connections = [post.connect(sink), post.connect(sink)]
    now_ms = clock.milliseconds(clock.now())
    for hours_ago in range(3):
        event = custom_event(timestamp_unixtime_ms=now_ms - hours_ago * 3_600_000)
        shop.process(batch(event, customer="u-1"))
    post.deliver()

    for query, total in (({"by": "hour"}, 6), ({}, 2)):
        seen: list[dict[str, Any]] = []
        following: dict[str, str] = {}
        while "cursor" not in following or following["cursor"]:
            _, answer = ask("verdicts", limit="1", **query, **following)
            seen += answer["results"]
            following = {"cursor": answer["next"]}
        assert len({(each["hour"], each["connection_id"]) for each in seen}) == len(seen) == total
        assert sum(each["sums"]["delivered"] for each in seen) == 6
        assert {each["connection_id"] for each in seen} == {each.pk for each in connections}


def test_every_reason_of_verdicts_finds_its_deliveries(
    shop: Shop, post: Post, sink: Sink, second_sink: Sink, ask: Ask
) -> None:
    refusing, busy = post.connect(sink), post.connect(second_sink)
    sink.script = lambda _: Reply(400)
    second_sink.script = lambda request: Reply(500 if request.json["user_identities"][0]["identity"] == "u-0" else 200)
    shop.process(*(batch(custom_event(), customer=f"u-{number // 2}") for number in range(4)))
    post.deliver()
    post.deliver(after=LONG)
    shop.process(batch(custom_event(), customer="u-2"))
    Connection.objects.filter(pk__in=[refusing.pk, busy.pk]).update(is_active=False)
    configuration.changed(shop.workspace)
    post.deliver()

    found = set()
    for row in ask("verdicts")[1]["results"]:
        for state in ("waiting", "withheld", "failed"):
            for reason, count in row["reasons"].get(state, {}).items():
                _, answer = ask("deliveries", reason=reason, connection_id=str(row["connection_id"]))
                assert len(answer["results"]) == count
                found.add(reason)
    # What was held behind the parked one has 72 hours of its own.
    assert found == {"rejected", "parked", "retrying", "connection_off"}


def test_nothing_of_another_workspace_shows(shop: Shop, post: Post, sink: Sink, client: Client) -> None:
    connection = fail_some(shop, post, sink, count=1)
    event_id = StoredEvent.objects.get().event_id
    other = factories.workspace()
    bearer = {"authorization": f"Bearer {token_of(other, Role.ADMIN)}"}
    base = f"/api/v1/workspaces/{other.pk}"
    for path in ("deliveries", "alerts", "verdicts"):
        assert client.get(f"{base}/{path}", headers=bearer).json()["results"] == []
        for name, number in (("connection_id", connection.pk), ("output_id", connection.output_id)):
            problem = client.get(f"{base}/{path}?{name}={number}", headers=bearer).json()
            assert (problem["status"], problem["code"]) == (400, "bad_parameter")
            assert problem["detail"].startswith(f"The parameter {name} is the number of")
            # Whether it is somebody else's does not show.
            assert client.get(f"{base}/{path}?{name}={number + 1000}", headers=bearer).json() == problem
    assert client.get(f"{base}/deliveries?event_id={event_id}", headers=bearer).json()["results"] == []
    assert client.get(f"{base}/events/{event_id}", headers=bearer).status_code == 404


def test_an_unreadable_payload_is_no_fault_of_the_reader(shop: Shop, post: Post, sink: Sink, journey: Journey) -> None:
    connection = post.connect(sink)
    shop.process(batch(custom_event(), customer="u-1"))
    with database.cursor() as cursor:
        cursor.execute("UPDATE outbox_chunk SET payload = 'broken'")

    stop = journey()[connection.pk]
    assert (stop["state"], stop["reason"]) == ("waiting", "")
