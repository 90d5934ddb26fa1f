"""`manage.py credentials`: make fresh credentials of a workspace and print them."""

import dataclasses
import json
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from cdp_project.console.fresh_credentials import make
from cdp_project.workspaces.models import Workspace


class Command(BaseCommand):
    """Prints secrets: they are shown this once."""

    help = "Make fresh credentials of a workspace (API with the role admin, web key, server key) and print them."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--workspace", required=True, metavar="SLUG")
        parser.add_argument("--json", action="store_true", help="one line of JSON, for scripts")

    def handle(self, *_args: Any, **options: Any) -> None:
        workspace = Workspace.objects.filter(slug=options["workspace"]).first()
        if workspace is None:
            raise CommandError(_unknown(options["workspace"]))
        fresh = dataclasses.asdict(make(workspace))
        if options["json"]:
            self.stdout.write(json.dumps(fresh))
            return
        for name, value in fresh.items():
            self.stdout.write(f"{name.replace('_', ' '):<14} {value}")


def _unknown(slug: str) -> str:
    known = ", ".join(Workspace.objects.order_by("slug").values_list("slug", flat=True))
    there_are = f"there are: {known}" if known else "there are none yet; `make up` makes one"
    return f"There is no workspace {slug!r}; {there_are}."
