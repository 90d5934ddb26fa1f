"""`manage.py inbox` and `manage.py run_pipeline`."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from datetime import timedelta
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.db import connection

from cdp_project.kernel import clock
from events import tasks
from events.models import Lane, RollupHour, RollupPartial
from tests.shop import Shop, batch, custom_event

ROOT = Path(__file__).parents[2]


def inbox(*arguments: str) -> str:
    out = StringIO()
    call_command("inbox", *arguments, stdout=out, stderr=StringIO())
    return out.getvalue()


def test_the_inbox_shows_what_waits_in_each_lane(shop: Shop) -> None:
    shop.drain()
    shop.post(batch(custom_event(), custom_event(), customer="u-1"))
    shop.post(batch(custom_event(), customer="u-1"))
    shown: dict[str, Any] = json.loads(inbox("--json"))

    (lane,) = [lane for lane in shown["lanes"] if lane["batches"]]
    assert (lane["batches"], lane["events"], lane["halted_at"]) == (2, 3, None)
    assert (shown["batches"], shown["events"]) == (2, 3)
    assert 0 <= lane["oldest_age_s"] == shown["oldest_age_s"] < 60
    assert "2 batches with 3 events wait." in inbox()


def test_the_inbox_shows_what_was_not_stored(shop: Shop) -> None:
    assert "Batches in quarantine: none." in inbox()
    sent = batch(custom_event(), custom_event(), customer="u-1", source_request_id="r-1")
    shop.post([sent, sent, {"environment": "staging"}], "v2/bulkevents")
    shop.drain()

    shown: dict[str, Any] = json.loads(inbox("--json"))
    assert shown["quarantined_batches"] == {"malformed": 1}
    assert shown["events_not_stored_24h"] == {"duplicate": 2}
    assert "Batches in quarantine: 1 malformed." in inbox()
    assert "Events not stored in the last 24 hours: 2 duplicate." in inbox()
    RollupPartial.objects.update(hour=clock.now() - timedelta(hours=23))
    tasks.compact_counts()
    assert not RollupPartial.objects.exists()
    assert json.loads(inbox("--json"))["events_not_stored_24h"] == {"duplicate": 2}
    RollupHour.objects.update(hour=clock.now() - timedelta(hours=25))
    assert json.loads(inbox("--json"))["events_not_stored_24h"] == {}


def test_the_inbox_shows_why_a_lane_is_halted_and_resumes_it(shop: Shop) -> None:
    shop.drain()
    Lane.objects.filter(bucket=0).update(halted_at=clock.now(), halted_reason="9 of 10 batches fail: KeyError")
    assert "9 of 10 batches fail: KeyError" in inbox()
    assert json.loads(inbox("--json"))["lanes"][0]["halted_reason"] == "9 of 10 batches fail: KeyError"

    inbox("--resume", "0")
    assert not Lane.objects.exclude(halted_at=None).exists()
    with pytest.raises(CommandError, match="number of a lane or 'all'"):
        inbox("--resume", "first")


def test_lanes_show_before_any_pipeline_ran(shop: Shop) -> None:
    shop.post(batch(custom_event(), customer="u-1"))

    assert json.loads(inbox("--json"))["batches"] == 1


def wait_for(condition: Callable[[], bool], seconds: float = 30.0) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "it did not happen in time"
        time.sleep(0.05)


def test_the_pipeline_runs_until_it_is_told_to_stop(shop: Shop) -> None:
    name = connection.settings_dict["NAME"]
    url = os.environ["DATABASE_URL"].rpartition("/")[0] + f"/{name}"
    process = subprocess.Popen(
        [sys.executable, "manage.py", "run_pipeline"],
        cwd=ROOT,
        env={**os.environ, "DATABASE_URL": url},
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        shop.post(batch(custom_event(), customer="u-1"))
        wait_for(lambda: len(shop.events()) == 1)
        process.send_signal(signal.SIGTERM)
        _, log = process.communicate(timeout=30)
    finally:
        process.kill()
        process.wait()

    assert process.returncode == 0
    assert "worker stopped" in log
    assert not Lane.objects.exclude(lease_holder=None).exists()
