"""`manage.py doctor`: what is wrong and how to mend it, also while things are down."""

import json
import os
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Sequence
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from pytest_django.fixtures import Settings

from cdp_project.kernel import chores, clock, reporting
from cdp_project.kernel.reporting import Reporter
from cdp_project.operation.doctor import machine, stores, work
from cdp_project.operation.doctor.findings import Check, Finding, Level, examine, ok
from events.models import InputKey, Lane
from tests.product import CHECKOUT
from tests.shop import Shop, batch, custom_event

WORK = {check.subject: check for check in (*work.CHECKS, *stores.CHECKS)}


def seen(check: Check) -> list[Finding]:
    return examine([check])


def bad(findings: Sequence[Finding]) -> list[str]:
    """Sentences of what is not well; each has a remedy, and nothing else has."""
    assert all(bool(finding.remedy) is (finding.level is not Level.OK) for finding in findings)
    return [finding.message for finding in findings if finding.level is not Level.OK]


def test_a_check_that_fails_or_hangs_harms_no_other() -> None:
    gate = threading.Event()

    def fails() -> Iterator[Finding]:
        return broken_iterator()

    def hangs() -> Iterator[Finding]:
        gate.wait(60)
        yield ok("c", "late")

    began_at = time.monotonic()
    found = examine([Check("a", fails), Check("b", lambda: iter([ok("b", "fine")])), Check("c", hangs)], 0.5)
    gate.set()

    assert [(each.subject, each.level) for each in found] == [("a", "wrong"), ("b", "ok"), ("c", "wrong")]
    assert time.monotonic() - began_at < 30
    assert "hush" not in str(found)


@pytest.mark.parametrize(
    ("text", "is_enough"), [("15.4 (Debian)", True), ("14.9", False), ("16beta1", True), ("", False)]
)
def test_versions_are_compared_by_number(text: str, *, is_enough: bool) -> None:
    assert (machine.version("PostgreSQL", text, (15,)).level is Level.OK) is is_enough


def test_open_keys_and_closed_folders_are_wrong(settings: Settings, tmp_path: Path) -> None:
    settings.VAR_DIR = tmp_path
    (tmp_path / "secret_key").write_text("hush")
    (tmp_path / "secret_key").chmod(0o644)
    (finding,) = machine.permissions()
    assert (finding.level, finding.remedy) == ("wrong", f"Run `chmod 600 {tmp_path / 'secret_key'}`.")
    (tmp_path / "secret_key").chmod(0o600)
    assert bad(list(machine.permissions())) == []
    settings.VAR_DIR = tmp_path / "missing"
    assert [each.level for each in machine.permissions()] == ["wrong"]


def test_a_full_disk_is_wrong(settings: Settings) -> None:
    settings.CDP_DISK_FREE_LEAST_MB = 10**9
    assert [each.level for each in machine.disk()] == ["wrong"]


def test_settings_that_invite_trouble(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    settings.ALLOWED_HOSTS = ["127.0.0.1", "localhost"]
    settings.DEBUG = False
    assert bad(list(machine.configuration())) == []
    settings.DEBUG, settings.ALLOWED_HOSTS = True, ["*"]
    monkeypatch.setenv("CDP_LANE", "hush")
    found = list(machine.configuration())
    assert [each.level for each in found] == ["wrong", "warning", "warning", "warning"]
    assert "CDP_LANES was probably meant" in found[-1].message
    assert "hush" not in str(found)


@pytest.mark.django_db(transaction=True)
class TestWork:
    def test_all_is_well_at_rest(self, shop: Shop) -> None:
        shop.process(batch(custom_event(), customer="u-1"))
        with clock.frozen(clock.now()):
            for name in chores.WORK:
                chores.run(name, lambda _connection: 0)
        for check in (*work.CHECKS, *stores.CHECKS):
            if check.subject not in {"processes", "partitions"}:
                assert bad(seen(check)) == [], check.subject

    def test_old_batches_and_halted_lanes(self, shop: Shop, settings: Settings) -> None:
        with clock.frozen(clock.now() - timedelta(minutes=10)):
            shop.post(batch(custom_event(), customer="u-1"))
        assert "the oldest batch waits for 600 s" in bad(seen(WORK["inbox"]))[0]
        settings.CDP_BACKLOG_MAX_AGE_S = 60
        assert [each.level for each in seen(WORK["inbox"])] == ["wrong", "ok"]
        shop.runner._find_work(shop.runner._database.get())
        Lane.objects.update(halted_at=clock.now(), halted_reason="poison")
        assert any(message.startswith("halted: ") for message in bad(seen(WORK["inbox"])))

    def test_quarantined_batches(self, shop: Shop) -> None:
        shop.post([{"events": 7}], "v2/bulkevents")
        shop.drain()
        assert bad(seen(WORK["quarantine"])) == ["batches put aside within a day: 1"]

    def test_late_and_failed_chores(self, shop: Shop, settings: Settings) -> None:
        settings.CELERY_BEAT_SCHEDULE = {
            "a": {"task": "tests.late", "schedule": 60.0},
            "b": {"task": "tests.broken", "schedule": 60.0},
        }
        with clock.frozen(clock.now() - timedelta(minutes=4)):
            chores.run("tests.late", lambda _connection: 0)
        with pytest.raises(LookupError):
            chores.run("tests.broken", broken)
        late, failed = sorted(bad(seen(WORK["chores"])), reverse=True)
        assert late.startswith("tests.late is due every 60 s and began last at ")
        assert failed == "tests.broken failed: LookupError: no broom"

    def test_secrets_that_no_key_reads(self, shop: Shop) -> None:
        InputKey.objects.update(secret_encrypted="gAAAAnonsense")
        (finding,) = seen(WORK["secrets"])
        assert finding.message == f"no key reads those of 1: input {shop.source.pk}"
        assert "nonsense" not in str(finding)

    def test_missing_days(self, shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
        assert bad(seen(WORK["partitions"])) == []
        chores.run(work.MAKES_DAYS, lambda _connection: 0)
        far = clock.from_milliseconds(4_000_000_000_000)
        monkeypatch.setattr("cdp_project.kernel.clock.now", lambda: far)
        (message,) = bad(seen(WORK["partitions"]))
        assert "event_20961002" in message
        assert "event_20961003" in message

    def test_migrations_and_durability(self, shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(stores, "_setting", lambda _connection, name: {"fsync": "off"}.get(name, "20"))
        found = examine([check for check in stores.CHECKS if check.subject == "database"])
        assert bad(found) == [
            "fsync is off: a power cut can destroy the database",
            "max_connections is only 20",
        ]


def broken_iterator() -> Iterator[Finding]:
    raise LookupError("hush")


def broken(_connection: object) -> int:
    raise LookupError("no broom")


def test_processes_that_run_that_do_not_and_that_took_no_leave(monkeypatch: pytest.MonkeyPatch) -> None:
    reporters = [Reporter(kind) for kind in ("web", "web", "pipeline", "worker", "beat")]
    for reporter in reporters:
        reporter.report()
    found = seen(WORK["processes"])
    assert [each.message for each in found if each.level is Level.OK] == [
        "web: 2",
        "pipeline: 1",
        "worker: 1",
        "beat: 1",
    ]
    assert bad(found) == ["deliveries: none runs"]
    monkeypatch.setattr(reporting, "ALIVE_FOR_S", -1)
    assert sum("took no leave" in message for message in bad(seen(WORK["processes"]))) == 5
    for reporter in reporters:
        reporter.stop()
    assert not any("took no leave" in message for message in bad(seen(WORK["processes"])))


def doctor(**more: str) -> "subprocess.CompletedProcess[str]":
    argv = [sys.executable, "manage.py", "doctor", "--json"]
    return subprocess.run(
        argv, cwd=CHECKOUT, env=os.environ | more, capture_output=True, text=True, timeout=60, check=False
    )


def test_it_runs_while_everything_is_down_and_shows_no_secret(tmp_path: Path) -> None:
    done = doctor(
        DATABASE_URL="postgresql://me:hush@127.0.0.1:1/mine",
        REDIS_URL="redis://:hush@127.0.0.1:1/0",
        TRIBUTARY_VAR=str(tmp_path),
        SECRET_KEY="hush",
    )
    found: list[dict[str, Any]] = json.loads(done.stdout)
    assert done.returncode == 1
    assert {each["subject"] for each in found if each["level"] == "wrong"} == {"database", "valkey"}
    assert {"versions", "disk", "inbox", "chores", "secrets"} <= {each["subject"] for each in found}
    assert "hush" not in done.stdout + done.stderr
    assert done.stderr == ""
