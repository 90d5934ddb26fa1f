"""Celery carries schedules, wake-ups and coarse jobs; never an event, never the only copy of anything."""

import os
from typing import Any

from celery import Celery
from celery.signals import beat_init, worker_ready

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "cdp_project.settings")

app = Celery("tributary")
app.config_from_object("django.conf:settings", namespace="CELERY")
app.autodiscover_tasks()


@worker_ready.connect  # type: ignore[untyped-decorator]
def _worker_reports(**_signal: Any) -> None:
    _report("worker")


@beat_init.connect  # type: ignore[untyped-decorator]
def _beat_reports(**_signal: Any) -> None:
    _report("beat")


def _report(kind: str) -> None:
    # Only once the settings were read.
    from cdp_project.kernel.reporting import Reporter

    Reporter(kind).start()
