"""Intake stops while what follows cannot keep up."""

import shutil
from collections import namedtuple
from datetime import timedelta
from types import SimpleNamespace

import pytest
from pytest_django import Settings

from cdp_project.kernel import clock
from cdp_project.kernel.database import connect
from events import ingest
from events.intake import backpressure
from events.intake.backpressure import Backpressure, oldest_waiting
from events.intake.inbox import SLOT_BITS, accepted_at
from events.models import InboxRow, Lane
from tests.events.conftest import Intake, error_of

Usage = namedtuple("Usage", "total used free")


def look(intake: Intake) -> str | None:
    """What a process sees that looks for the first time."""
    pressure = Backpressure()
    problem = pressure.problem(clock.now())
    pressure.forget()
    return problem


def age(row: InboxRow, by: timedelta) -> None:
    older = row.accept_seq - (by // timedelta(microseconds=1) << SLOT_BITS)
    InboxRow.objects.filter(bucket=row.bucket, accept_seq=row.accept_seq).update(accept_seq=older)


def test_all_is_well_while_nothing_waits_long(intake: Intake) -> None:
    intake.post({"user_identities": {"customer_id": "c"}})

    assert look(intake) is None


def test_an_old_backlog_stops_intake_until_it_is_gone(intake: Intake, settings: Settings) -> None:
    settings.CDP_BACKLOG_MAX_AGE_S = 600
    for name in "abc":
        intake.post({"user_identities": {"customer_id": name}})
    age(intake.stored()[1], timedelta(minutes=11))
    ingest.release()

    reply = intake.post({})

    assert error_of(reply)[:2] == (503, "UNAVAILABLE")
    assert "11 minutes behind" in error_of(reply)[2]
    assert reply.headers["Retry-After"] == "30"
    assert len(intake.stored()) == 3
    InboxRow.objects.all().delete()
    ingest.release()
    assert intake.post({}).status == 202


def test_the_oldest_of_all_lanes_counts_and_what_was_done_does_not(intake: Intake) -> None:
    for name in "abcdef":
        intake.post({"user_identities": {"customer_id": name}})
    rows = intake.stored()
    with connect(autocommit=True) as connection:
        assert oldest_waiting(connection) == accepted_at(rows[0].accept_seq)
        Lane.objects.create(bucket=rows[0].bucket, low_water=rows[-1].accept_seq + 1)
        later = [row for row in rows if row.bucket != rows[0].bucket]
        assert oldest_waiting(connection) == accepted_at(later[0].accept_seq)


def test_a_halted_lane_does_not_stop_intake(intake: Intake, settings: Settings) -> None:
    settings.CDP_BACKLOG_MAX_AGE_S = 600
    intake.post({"user_identities": {"customer_id": "a"}})
    (row,) = intake.stored()
    age(row, timedelta(minutes=11))
    Lane.objects.create(bucket=row.bucket, low_water=0, halted_at=clock.now(), halted_reason="9 of 10 batches fail")
    ingest.release()

    assert intake.post({}).status == 202
    Lane.objects.update(halted_at=None)
    ingest.release()
    assert intake.post({}).status == 503


def test_a_disk_that_is_nearly_full_stops_intake(
    intake: Intake, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings.CDP_DISK_FREE_LEAST_MB = 100
    monkeypatch.setattr(shutil, "disk_usage", lambda _folder: Usage(1, 1, 99_000_000))
    ingest.release()

    reply = intake.post({})

    assert error_of(reply)[:2] == (503, "UNAVAILABLE")
    assert "99 MB left" in error_of(reply)[2]
    assert intake.stored() == []


def test_it_looks_once_a_second(intake: Intake, monkeypatch: pytest.MonkeyPatch) -> None:
    at, looks = [1000.0], []
    monkeypatch.setattr("events.intake.backpressure.time", SimpleNamespace(monotonic=lambda: at[0]))
    monkeypatch.setattr(backpressure, "disk_problem", lambda: looks.append(at[0]))
    pressure = Backpressure()

    for step in (0, 0.5, 0.4, 0.2, 0.9, 0.2):
        at[0] += step
        pressure.problem(clock.now())

    assert looks == [1000.0, pytest.approx(1001.1), pytest.approx(1002.2)]
    pressure.forget()
