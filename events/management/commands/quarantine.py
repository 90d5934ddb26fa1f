"""Batches that could not be processed: list them, let them be processed again, discard them."""

from argparse import ArgumentParser
from typing import Any
from uuid import UUID

from django.core.management.base import BaseCommand, CommandError

from cdp_project.workspaces.audit import Actor
from cdp_project.workspaces.environment import Environment
from cdp_project.workspaces.models import Workspace
from events.quarantine import actions
from events.quarantine.moving import Moved, Selection
from events.quarantine.selectors import QuarantinedBatch, quarantined
from events.reasons import QUARANTINE_REASONS

ACTOR = Actor("manage.py quarantine")
LISTED_MOST = 100


class Command(BaseCommand):
    help = "Lists what is in quarantine, lets it be processed again, or discards it."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("action", choices=["list", "retry", "discard"])
        parser.add_argument("--workspace", required=True, metavar="SLUG")
        parser.add_argument(
            "--environment", choices=[each.word for each in Environment], default=Environment.PRODUCTION.word
        )
        parser.add_argument("--reason", choices=QUARANTINE_REASONS)
        parser.add_argument("--input", type=int, metavar="ID")
        parser.add_argument("--batch", type=UUID, action="append", metavar="ID", help="may be given several times")

    def handle(self, **options: Any) -> None:
        workspace = Workspace.objects.filter(slug=options["workspace"]).first()
        if workspace is None:
            raise CommandError(f"There is no workspace {options['workspace']!r}.")
        environment = Environment.of(options["environment"]) or Environment.PRODUCTION
        chosen = Selection(workspace.pk, environment, options["reason"], options["input"], options["batch"])
        if options["action"] == "list":
            found = quarantined(chosen, before=None, limit=LISTED_MOST)
            self.stdout.write("\n".join(map(_line, found)) or "Nothing is in quarantine.")
            return
        if chosen.reason is None and chosen.input_id is None and chosen.batch_ids is None:
            raise CommandError("Say which are meant: --reason, --input or --batch.")
        does_go = options["action"] == "retry"
        move = actions.retry if does_go else actions.discard
        self.stdout.write(_told(move(ACTOR, workspace, chosen), does_go=does_go))


def _line(batch: QuarantinedBatch) -> str:
    return (
        f"{batch.batch_id}  {batch.quarantined_at:%Y-%m-%d %H:%M:%S}  input {batch.input_id}"
        f"  {batch.event_count} events  {batch.reason}: {batch.detail or batch.sentence}"
    )


def _told(moved: Moved, *, does_go: bool) -> str:
    is_one = moved.batches == 1
    what = f"{moved.batches} {'batch' if is_one else 'batches'} with {moved.events} events"
    became = ("goes again" if is_one else "go again") if does_go else f"{'was' if is_one else 'were'} discarded"
    return f"{what} {became}.{' More are left: call again.' if moved.is_more else ''}"
