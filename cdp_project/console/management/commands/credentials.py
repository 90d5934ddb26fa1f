"""`manage.py credentials`: make fresh credentials of a workspace, or of the installation, and print them."""

import dataclasses
import json
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from cdp_project.console.fresh_credentials import make, make_for_installation
from cdp_project.kernel import clock
from cdp_project.workspaces import credentials
from cdp_project.workspaces.models import ApiCredential, Workspace


class Command(BaseCommand):
    """Prints secrets: they are shown this once."""

    help = (
        "Make fresh credentials of a workspace (API with the role admin, web key, server key), or of the installation "
        "(they list and make workspaces, and open none), and print them; or revoke those of the installation."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        which = parser.add_mutually_exclusive_group(required=True)
        which.add_argument("--workspace", metavar="SLUG")
        which.add_argument("--installation", action="store_true", help="of the installation, for its operator")
        which.add_argument("--revoke", metavar="CLIENT_ID", help="end those of the installation, with their tokens")
        parser.add_argument("--json", action="store_true", help="one line of JSON, for scripts")

    def handle(self, *_args: Any, **options: Any) -> None:
        if options["revoke"]:
            _revoke(options["revoke"])
            self.stdout.write(f"{options['revoke']} is revoked: its tokens work no more.")
            return
        fresh = make_for_installation() if options["installation"] else make(_workspace(options["workspace"]))
        self._show(dataclasses.asdict(fresh), as_json=options["json"])

    def _show(self, fresh: dict[str, Any], *, as_json: bool) -> None:
        if as_json:
            self.stdout.write(json.dumps(fresh))
            return
        for name, value in fresh.items():
            self.stdout.write(f"{name.replace('_', ' '):<14} {value}")


def _workspace(slug: str) -> Workspace:
    found = Workspace.objects.filter(slug=slug).first()
    if found is None:
        known = ", ".join(Workspace.objects.order_by("slug").values_list("slug", flat=True))
        there_are = f"there are: {known}" if known else "there are none yet; `make up` makes one"
        raise CommandError(f"There is no workspace {slug!r}; {there_are}.")
    return found


def _revoke(client_id: str) -> None:
    found = ApiCredential.objects.filter(workspace=None, client_id=client_id).first()
    if found is None:
        raise CommandError("The installation has no such credential. Those of a workspace are revoked in its console.")
    credentials.revoke_for_installation(found, clock.now())
