"""`manage.py doctor`: examine the installation, also while parts of it are down."""

import dataclasses
import json
import sys
from typing import Any

from django.core.management.base import BaseCommand, CommandParser

from cdp_project.operation.doctor import machine, stores, work
from cdp_project.operation.doctor.findings import Finding, Level, examine

COLOURS = {Level.OK: "SUCCESS", Level.WARNING: "WARNING", Level.WRONG: "ERROR"}


class Command(BaseCommand):
    """Exit code 1 when something is wrong, else 0."""

    help = "Says what is wrong with this installation, and how to mend it."
    requires_system_checks = []

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--json", action="store_true", help="print a JSON array")

    def handle(self, *_args: Any, **options: Any) -> None:
        found = examine([*machine.CHECKS, *stores.CHECKS, *work.CHECKS])
        if options["json"]:
            self.stdout.write(json.dumps([dataclasses.asdict(finding) for finding in found], indent=1))
        else:
            self._tell(found)
        if any(finding.level is Level.WRONG for finding in found):
            sys.exit(1)

    def _tell(self, found: list[Finding]) -> None:
        for finding in found:
            mark = getattr(self.style, COLOURS[finding.level])(f"{finding.level:7}")
            self.stdout.write(f"{mark} {finding.subject:11} {finding.message}")
            if finding.remedy:
                self.stdout.write(f"{'':20}→ {finding.remedy}")
        counts = {level: sum(finding.level is level for finding in found) for level in Level}
        self.stdout.write(", ".join(f"{count} {level}" for level, count in counts.items()))
