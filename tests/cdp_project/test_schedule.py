"""The schedule of chores."""

from django.conf import settings

from cdp_project.celery import app


def test_every_entry_names_a_task_that_there_is() -> None:
    app.loader.import_default_modules()

    assert {entry["task"] for entry in settings.CELERY_BEAT_SCHEDULE.values()} <= set(app.tasks)
