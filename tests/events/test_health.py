"""Alive, and ready to store."""

import json
from datetime import timedelta

import pytest
from django.db import connections
from django.test import RequestFactory
from pytest_django import Settings

from cdp_project.kernel import clock
from cdp_project.kernel.database import connect
from events import health
from events.models import Lane, StoreProbe
from tests.events.conftest import Intake
from tests.events.intake.test_backpressure import age

GET = RequestFactory().get("/")


def test_alive_asks_nobody(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(health, "connect", None)

    answer = health.alive(GET)

    assert (answer.status_code, answer.content) == (200, b'{"status": "alive"}')


def test_ready_after_a_row_was_committed(transactional_db: None) -> None:
    answer = health.ready(GET)

    assert (answer.status_code, answer.content) == (200, b'{"status": "ready", "degraded": {}}')
    assert StoreProbe.objects.count() == 1
    first = StoreProbe.objects.get().written_at
    assert health.ready(GET).status_code == 200
    assert StoreProbe.objects.get().written_at > first


def test_a_halted_lane_is_named_and_does_not_end_readiness(transactional_db: None) -> None:
    Lane.objects.create(bucket=3, low_water=0)
    Lane.objects.create(bucket=7, low_water=0, halted_at=clock.now(), halted_reason="why")

    answer = health.ready(GET)

    assert answer.status_code == 200
    assert json.loads(answer.content)["degraded"] == {
        "lanes": "Halted, see `manage.py inbox` for why and `--resume` it: 7."
    }


def test_not_ready_without_a_database(transactional_db: None, monkeypatch: pytest.MonkeyPatch) -> None:
    with monkeypatch.context() as away:
        away.setitem(connections["default"].settings_dict, "PORT", "1")
        answer = health.ready(GET)

    assert answer.status_code == 503
    assert b'"database"' in answer.content


def test_not_ready_when_writes_fail(transactional_db: None) -> None:
    with connections["default"].cursor() as cursor:
        cursor.execute("ALTER TABLE store_probe RENAME TO store_probe_aside")
        try:
            answer = health.ready(GET)
        finally:
            cursor.execute("ALTER TABLE store_probe_aside RENAME TO store_probe")

    assert answer.status_code == 503
    assert b'"database"' in answer.content


def test_not_ready_while_the_database_hangs(transactional_db: None, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(health, "ANSWER_WITHIN_S", 0.3)
    with connect(name="test lock") as connection:
        connection.execute("LOCK TABLE store_probe IN ACCESS EXCLUSIVE MODE")
        answers = [health.ready(GET), health.ready(GET)]
        connection.rollback()
    monkeypatch.undo()

    assert [answer.status_code for answer in answers] == [503, 503]
    assert b"did not answer within" in answers[0].content
    assert health.ready(GET).status_code == 200


def test_not_ready_while_processing_is_behind(intake: Intake, settings: Settings) -> None:
    settings.CDP_BACKLOG_MAX_AGE_S = 60
    intake.post({})
    age(intake.stored()[0], timedelta(minutes=5))

    answer = health.ready(GET)

    assert answer.status_code == 503
    assert b"5 minutes behind" in answer.content


def test_without_valkey_it_is_ready_and_says_what_rests(transactional_db: None, settings: Settings) -> None:
    settings.REDIS_URL = "redis://127.0.0.1:1/0"

    answer = health.ready(GET)

    assert answer.status_code == 200
    assert b'"valkey"' in answer.content


def test_only_reading_is_allowed() -> None:
    assert health.ready(RequestFactory().post("/")).status_code == 405
