"""/metrics: true figures, for the operator alone, also while stores are away."""

import re
from collections.abc import Callable, Iterator
from datetime import timedelta
from typing import Any

import psycopg
import pytest
import redis
from django.db import connection, transaction
from django.test import Client
from prometheus_client.parser import text_string_to_metric_families
from pytest_django.fixtures import Settings

from cdp_project.kernel import clock, measuring
from cdp_project.kernel.reporting import Reporter
from cdp_project.operation import figures, metrics
from connections.deliver import Deliveries
from tests import factories
from tests.product import CHECKOUT
from tests.shop import Shop, batch, custom_event
from tests.sink import running_sink

HERE: dict[str, Any] = {"REMOTE_ADDR": "127.0.0.1", "HTTP_HOST": "127.0.0.1:8000"}
Figures = dict[str, dict[tuple[str, ...], float]]


def told(client: Client) -> Figures:
    """All figures by name, then by values of the labels in the order of their names."""
    metrics.forget()
    answer = client.get("/metrics", **HERE)
    assert answer.status_code == 200
    found: Figures = {}
    for family in text_string_to_metric_families(answer.content.decode()):
        for sample in family.samples:
            found.setdefault(sample.name, {})[tuple(sample.labels.values())] = sample.value
    return found


@pytest.fixture
def report() -> Iterator[Callable[[], None]]:
    """What a process does every two seconds."""
    reporter = Reporter("web")
    yield reporter.report
    reporter.stop()


def test_waiting_rows_are_told_with_their_age(shop: Shop, client: Client) -> None:
    with clock.frozen(clock.now() - timedelta(seconds=90)):
        shop.post(batch(custom_event(), custom_event(), customer="u-1"))
    shop.post(batch(custom_event(), customer="u-1"))
    shop.runner._find_work(shop.runner._database.get())
    found = told(client)

    ages = found["tributary_lane_oldest_waiting_seconds"]
    assert 90 <= max(ages.values()) < 120
    assert sorted(ages.values())[-2] == 0
    assert sum(found["tributary_lane_waiting_batches"].values()) == 2
    assert sum(found["tributary_lane_waiting_events"].values()) == 3
    assert set(found["tributary_lane_halted"].values()) == {0}
    assert found["tributary_database_up"] == {(): 1}


def test_an_event_is_counted_at_every_station_once(
    shop: Shop, client: Client, settings: Settings, report: Callable[[], None]
) -> None:
    settings.CDP_DELIVERY_ALLOW = ["127.0.0.1/32"]
    with running_sink() as sink:
        output = factories.output(shop.workspace, url=sink.url)
        factories.connection(shop.source, output)
        shop.process(batch(custom_event("A"), custom_event("B"), customer="u-1"))
        shop.post({"events": 7})
        report()
        before = told(client)
        deliveries = Deliveries()
        deliveries.drain()
        report()
        deliveries.close()
        after = told(client)

    number = (str(output.pk),)
    assert before["tributary_intake_accepted_requests_total"] == {(): 1}
    assert before["tributary_intake_accepted_events_total"] == {(): 2}
    assert before["tributary_intake_refused_requests_total"] == {("BAD_REQUEST", "400"): 1}
    assert before["tributary_intake_accept_seconds_count"] == {(): 1}
    assert before["tributary_pipeline_processed_events_total"] == {(): 2}
    assert before["tributary_pipeline_outcomes_total"] == {("stored",): 2}
    assert before["tributary_pipeline_chunk_events_sum"] == {(): 2}
    assert before["tributary_forwarded_events_total"] == {(): 2}
    assert before["tributary_output_waiting_events"] == {number: 2}
    assert 0 < before["tributary_output_oldest_waiting_seconds"][number] < 60
    assert "tributary_delivery_attempts_total" not in before
    assert after["tributary_delivery_events_total"] == {("delivered",): 2}
    assert after["tributary_delivery_attempts_total"] == {("delivered", *number): 1}
    assert after["tributary_first_attempt_seconds_count"][()] >= 1
    assert after["tributary_output_oldest_waiting_seconds"] == {number: 0}
    assert after["tributary_output_paused"] == {number: 0}
    assert after["tributary_processes"] == {("web",): 1}
    # Nothing is counted again by being told.
    assert after["tributary_intake_accepted_events_total"] == {(): 2}


def test_no_names_and_no_people_are_told(shop: Shop, client: Client, report: Callable[[], None]) -> None:
    shop.process(batch(custom_event("Secret name"), customer="hidden-person"))
    report()
    text = client.get("/metrics", **HERE).content.decode()
    assert "Secret name" not in text
    assert "hidden-person" not in text


def test_counts_wait_while_valkey_is_away(settings: Settings, client: Client, db: None) -> None:
    counter = next(each for each in measuring.FAMILIES.values() if each.name == "tributary_intake_accepted_events")
    assert isinstance(counter, measuring.Counter)
    counter.add(3)
    there, settings.REDIS_URL = settings.REDIS_URL, "redis://127.0.0.1:1/0"
    Reporter("web").report()
    found = told(client)
    assert found["tributary_valkey_up"] == {(): 0}
    assert found["tributary_database_up"] == {(): 1}
    assert "tributary_processes" not in found
    settings.REDIS_URL = there
    reporter = Reporter("web")
    reporter.report()
    assert told(client)["tributary_intake_accepted_events_total"] == {(): 3}
    reporter.stop()
    assert "tributary_processes" not in told(client) or told(client)["tributary_processes"] == {}


def test_it_answers_while_the_database_is_away(
    client: Client, monkeypatch: pytest.MonkeyPatch, report: Callable[[], None]
) -> None:
    def away(**_kwargs: Any) -> None:
        raise psycopg.OperationalError("away")

    report()
    monkeypatch.setattr(figures, "connect", away)
    found = told(client)
    assert found["tributary_database_up"] == {(): 0}
    assert found["tributary_processes"] == {("web",): 1}
    assert "tributary_lane_waiting_batches" not in found


@pytest.mark.django_db
def test_a_statement_that_hangs_is_ended(client: Client, monkeypatch: pytest.MonkeyPatch, settings: Settings) -> None:
    monkeypatch.setattr(figures, "STATEMENT_MS_MOST", 50)
    settings.CDP_MEASURES = [f"{__name__}.hang"]
    assert told(client)["tributary_database_up"] == {(): 0}


def hang(own: Any, _now: object) -> list[object]:
    own.execute("SELECT pg_sleep(30)")
    return []


@pytest.mark.django_db
def test_a_scraper_cannot_load_the_database(client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    looks: list[int] = []

    def look() -> Iterator[Any]:
        looks.append(1)
        yield from ()

    monkeypatch.setattr(metrics, "figures", look)
    metrics.forget()
    for _ in range(20):
        assert client.get("/metrics", **HERE).status_code == 200
    assert len(looks) == 1


@pytest.mark.parametrize(
    "from_elsewhere",
    [
        {"REMOTE_ADDR": "10.0.0.7"},
        {"HTTP_X_FORWARDED_FOR": "127.0.0.1"},
        {"HTTP_FORWARDED": "for=127.0.0.1"},
        {"HTTP_HOST": "evil.example"},
        {"REMOTE_ADDR": ""},
    ],
)
def test_without_a_token_strangers_find_nothing(client: Client, from_elsewhere: dict[str, Any]) -> None:
    # Asked by a name that is not ours, the pages' middleware refuses before anybody looks.
    assert client.get("/metrics", **{**HERE, **from_elsewhere}).status_code in {404, 400}


@pytest.mark.django_db
def test_with_a_token_it_is_asked_of_everybody(client: Client, settings: Settings) -> None:
    settings.CDP_METRICS_TOKEN = "hush"
    far: dict[str, Any] = {"REMOTE_ADDR": "10.0.0.7"}
    for headers in ({}, {"authorization": "Bearer hus"}, {"authorization": "Basic hush"}, {"authorization": "Bearer "}):
        for where in (HERE, far):
            answer = client.get("/metrics", headers=headers, **where)
            assert answer.status_code == 403
            assert b"hush" not in answer.content
    assert client.get("/metrics", headers={"authorization": "Bearer hush"}, **far).status_code == 200
    assert client.post("/metrics", headers={"authorization": "Bearer hush"}, **far).status_code == 405


def test_the_readme_lists_every_figure(shop: Shop, client: Client) -> None:
    part = (CHECKOUT / "README.md").read_text().partition("\n## Operation\n")[2].partition("\n## ")[0]
    listed = set(re.findall(r"`(tributary_\w+)`", part))
    metrics.forget()
    text = client.get("/metrics", **HERE).content.decode()
    there = set(re.findall(r"^# TYPE (\w+) ", text, re.MULTILINE))

    assert {name.removesuffix("_total") for name in there} == listed


def test_reports_without_a_valkey_raise_nothing(settings: Settings) -> None:
    settings.REDIS_URL = "redis://127.0.0.1:1/0"
    reporter = Reporter("web").start()
    reporter.stop()
    with pytest.raises(redis.RedisError):
        Reporter("web")._client.ping()


def test_a_query_of_the_figures_walks_along_indexes(transactional_db: None) -> None:
    from connections import measures
    from events import backlog_figures

    with transaction.atomic(), connection.cursor() as cursor:
        # The tables are empty: without this a look at nothing would be as good as an index.
        cursor.execute("SET LOCAL enable_seqscan = off")
        for statement, parameters in (
            (backlog_figures._LANES, (1,)),
            (measures._WAITING, (1,)),
            (measures._STATES, ([1, 2, 3], 1)),
        ):
            cursor.execute(f"EXPLAIN {statement}", parameters)
            plan = "\n".join(row[0] for row in cursor.fetchall())
            assert not re.search(r"Seq Scan on (inbox|outbox_delivery|delivery_exception)", plan), plan
