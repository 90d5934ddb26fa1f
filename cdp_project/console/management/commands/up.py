"""`manage.py up`: run the whole product in the foreground."""

import dataclasses
import json
import os
import sys
from typing import Any, NoReturn

from django.core.management import call_command
from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.db import DEFAULT_DB_ALIAS, Error, connection
from django.db.migrations.executor import MigrationExecutor

from cdp_project.console.bootstrap import first_start
from cdp_project.embedded import address


class Command(BaseCommand):
    """Hands over to the supervisor, which calls back once with --prepare."""

    help = "Run everything: embedded servers where none are configured, web, pipeline, deliveries, jobs."
    requires_system_checks = []

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--prepare", action="store_true", help="migrate, make what a first start makes, print it")

    def handle(self, *_args: Any, prepare: bool, **_options: Any) -> None:
        if not prepare:
            _become_supervisor()
        try:
            _migrate_if_needed()
            made = first_start()
        except Error as error:
            raise CommandError(_sentence(error)) from error
        self.stdout.write(json.dumps(dataclasses.asdict(made)))


def _become_supervisor() -> NoReturn:
    # In place of this process: the supervisor does not need Django in its memory.
    os.environ["TRIBUTARY_VAR"] = str(address.var_folder())
    os.chdir(address.CHECKOUT)
    os.execv(sys.executable, [sys.executable, "-m", "cdp_project.embedded.up"])  # noqa: S606


def _migrate_if_needed() -> None:
    executor = MigrationExecutor(connection)
    if executor.migration_plan(executor.loader.graph.leaf_nodes()):
        call_command("migrate", database=DEFAULT_DB_ALIAS, interactive=False, verbosity=0)


def _sentence(error: Error) -> str:
    at = connection.settings_dict
    reason = str(error).strip().splitlines()[0]
    return (
        f"The database {at['NAME']} at {at['HOST']}:{at['PORT'] or 5432} could not be used: {reason}. "
        "See that it runs and that DATABASE_URL is right, then start again."
    )
